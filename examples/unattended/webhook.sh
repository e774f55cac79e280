#!/usr/bin/env bash
# Tells a chat of a sign-in that is due, by an incoming webhook that takes {"text": "..."} (Slack, Teams,
# Mattermost and others). In the configuration of vb365-helper:
#   [prompt]
#   command = ["/usr/local/lib/vb365-helper/webhook.sh", "/etc/vb365-helper/webhook-url"]
# The rule: the webhook's address is a secret. It comes from a file that this user alone can read, and
# stands in no argument.
set -euo pipefail

read -r url <"${1:?the file with the address of the webhook is missing}"
case $url in
https://* | http://127.0.0.1:*) ;;
*)
    echo 'the address of the webhook is not https' >&2
    exit 1
    ;;
esac

jq --compact-output '{text: (
    "Sign-in due for \(.tenant)\(if .account then " (last time \(.account))" else "" end): "
    + "open \(.verification_uri) and enter \(.user_code) until \(.expires_at). "
    + "Only if you expect this: whoever enters the code signs the machine in."
)}' |
    curl --disable --silent --show-error --fail --output /dev/null --max-time 30 \
        --config <(printf 'url = "%s"\n' "$url") --header 'Content-Type: application/json' --data-binary @-
