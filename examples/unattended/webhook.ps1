# Tells a chat of a sign-in that is due, by an incoming webhook that takes {"text": "..."} (Teams, Slack and
# others); for Windows PowerShell 5.1 and PowerShell 7. In the configuration of vb365-helper:
#   [prompt]
#   command = ["powershell.exe", "-NoProfile", "-File", 'C:\ProgramData\vb365-helper\webhook.ps1',
#              'C:\ProgramData\vb365-helper\webhook-url.txt']
# The rule: the webhook's address is a secret. It comes from a file that this user alone can read, and
# stands in no argument.
param([Parameter(Mandatory = $true)][string]$AddressFile)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$address = (Get-Content -LiteralPath $AddressFile -TotalCount 1).Trim()
if (-not $address.StartsWith('https://')) {
    throw 'the address of the webhook is not https'
}
$due = [System.Console]::In.ReadToEnd() | ConvertFrom-Json
$text = 'Sign-in due for {0}: ' -f $due.tenant
$text += 'open {0} and enter {1} until {2:u}. ' -f $due.verification_uri, $due.user_code, $due.expires_at
$text += 'Only if you expect this: whoever enters the code signs the machine in.'
$body = @{ text = $text } | ConvertTo-Json -Compress
$request = @{
    Uri         = $address
    Method      = 'Post'
    Body        = [System.Text.Encoding]::UTF8.GetBytes($body)
    ContentType = 'application/json; charset=utf-8'
    TimeoutSec  = 30
}
Invoke-RestMethod @request | Out-Null
