#!/usr/bin/env bash
# Tells a chat of a sign-in that is due, by an incoming webhook. In the configuration of vb365-helper:
#   [prompt]
#   command = ["/usr/local/lib/vb365-helper/webhook.sh", "/etc/vb365-helper/webhook-url"]
# Slack, Mattermost, Google Chat and many others take {"text": "..."}; a workflow of Teams takes a card, for
# which "teams" stands behind the file.
# The rule: the webhook's address is a secret. It comes from a file that this user alone can read, and
# stands in no argument.
set -euo pipefail

url=$(<"${1:?the file with the address of the webhook is missing}")
kind=${2:-text}
case $url in
https://* | http://127.0.0.1:*) ;;
*)
    echo 'the address of the webhook is not https' >&2
    exit 1
    ;;
esac

jq --compact-output --arg kind "$kind" --arg machine "$HOSTNAME" '
    "Sign-in due for \(.tenant) on \($machine)\(if .account then " (last time \(.account))" else "" end): "
    + "open \(.verification_uri) and enter \(.user_code) until \(.expires_at). "
    + "Only if you expect this: whoever enters the code signs that machine in."
    | if $kind == "teams" then {
        type: "message",
        attachments: [{
            contentType: "application/vnd.microsoft.card.adaptive",
            content: {type: "AdaptiveCard", version: "1.2", body: [{type: "TextBlock", text: ., wrap: true}]}
        }]
    } else {text: .} end' |
    curl --disable --silent --show-error --fail --output /dev/null --max-time 30 \
        --config <(printf 'url = "%s"\n' "$url") --header 'Content-Type: application/json' --data-binary @-
