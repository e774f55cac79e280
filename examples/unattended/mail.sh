#!/usr/bin/env bash
# Mails a sign-in that is due, by the machine's own sendmail. In the configuration of vb365-helper:
#   [prompt]
#   command = ["/usr/local/lib/vb365-helper/mail.sh", "backup-admins@abc.com"]
# The rule: nothing of the document reaches a header but on one line, so that nobody can add another.
set -euo pipefail

to=${1:?the address to write to is missing}
sendmail=${SENDMAIL:-/usr/sbin/sendmail}

jq --raw-output --arg to "$to" --arg machine "$HOSTNAME" 'map_values(if type == "string" then gsub("[[:cntrl:]]"; " ") else . end) |
    "To: \($to)",
    "Subject: Sign-in due for \(.tenant) on \($machine)",
    "Auto-Submitted: auto-generated",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "A job on \($machine) cannot reach the backups of \(.tenant) until somebody signs in.",
    "",
    "  open   \(.verification_uri)",
    "  enter  \(.user_code)",
    "  until  \(.expires_at)",
    "  as     \(.account // "an account of \(.tenant)")",
    "",
    "Do this only if you expect it: whoever enters the code signs that machine in.",
    "Later than that, on \($machine): vb365-helper login \(.tenant)"' | "$sendmail" -t -i
