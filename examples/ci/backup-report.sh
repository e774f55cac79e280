#!/usr/bin/env bash
# Asks the VB365 server when an organization was last backed up, for a CI job or a timer:
#   VB365_TENANT=abc.onmicrosoft.com VB365_SERVER=https://vb365.abc.local:4443 backup-report.sh [FILE]
# The rule: the token stands in this shell and in pipes alone, never in an argument, a variable of the
# environment, a file or a log. A CI that can mask it is told before anything else happens.
set -euo pipefail
set +x

report=${1:-backup-report.json}
# The helper gives a token for a server of its configuration alone, whatever this names.
ask=(vb365-helper get "$VB365_TENANT" --server "$VB365_SERVER" --interactive never --protocol token)

take() {
    token=$("${ask[@]}")
    if [ "${GITHUB_ACTIONS:-}" = true ]; then printf '::add-mask::%s\n' "$token"; fi
}

# The status of the answer, which goes to the report; 000 where there is none, and curl says why.
call() {
    printf 'Authorization: Bearer %s\n' "$token" |
        curl --disable --silent --show-error --max-time 60 ${VB365_CA_FILE:+--cacert "$VB365_CA_FILE"} \
            --header @- --output "$report" --write-out '%{http_code}' "$VB365_SERVER/v8/Organization" ||
        true
}

take
status=$(call)
if [ "$status" = 401 ]; then
    # The server takes this token no more: the helper gets another, once.
    printf '{"version":1,"tenant":"%s","server":"%s","interactive":"never","refused_token":"%s"}' \
        "$VB365_TENANT" "$VB365_SERVER" "$token" | vb365-helper get --protocol native >/dev/null
    take
    status=$(call)
fi
if [ "$status" != 200 ]; then
    echo "the VB365 server answered $status" >&2
    exit 1
fi
echo "$report is the organization of $VB365_TENANT"
