# Tells a Teams channel of a sign-in that is due, by the webhook of a workflow ("When a Teams webhook request
# is received"), which takes adaptive cards; for Windows PowerShell 5.1 and PowerShell 7. In the configuration
# of vb365-helper:
#   [prompt]
#   command = ["powershell.exe", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "RemoteSigned", "-File",
#              'C:\ProgramData\vb365-helper\webhook.ps1', 'C:\ProgramData\vb365-helper\webhook-url.txt']
# The rule: the webhook's address is a secret. It comes from a file that this user alone can read, and
# stands in no argument.
param([Parameter(Mandatory = $true)][string]$AddressFile)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$address = ([string](Get-Content -LiteralPath $AddressFile -TotalCount 1)).Trim()
if (-not $address.StartsWith('https://')) {
    throw 'the address of the webhook is not https'
}
# The console's own encoding is not that of the document.
$utf8 = [System.Text.UTF8Encoding]::new($false)
$reader = [System.IO.StreamReader]::new([System.Console]::OpenStandardInput(), $utf8)
$due = $reader.ReadToEnd() | ConvertFrom-Json

$facts = @(
    @{ title = 'open'; value = $due.verification_uri }
    @{ title = 'enter'; value = $due.user_code }
    @{ title = 'until'; value = '{0:u}' -f $due.expires_at }
)
# Strict mode has no field that is not there.
if ($due.PSObject.Properties.Match('account').Count -gt 0) {
    $facts += @{ title = 'last time'; value = $due.account }
}
$title = 'Sign-in due for {0} on {1}' -f $due.tenant, [Environment]::MachineName
$warning = 'Only if you expect this: whoever enters the code signs that machine in.'
$card = @{
    type    = 'AdaptiveCard'
    version = '1.2'
    body    = @(
        @{ type = 'TextBlock'; text = $title; weight = 'Bolder'; wrap = $true }
        @{ type = 'FactSet'; facts = $facts }
        @{ type = 'TextBlock'; text = $warning; wrap = $true }
    )
}
$attachment = @{ contentType = 'application/vnd.microsoft.card.adaptive'; content = $card }
$body = @{ type = 'message'; attachments = @($attachment) } | ConvertTo-Json -Depth 10 -Compress

# An older .NET Framework does not offer TLS 1.2 by itself; 0 is what the system decides.
$protocols = [System.Net.ServicePointManager]::SecurityProtocol
if ([int]$protocols -ne 0) {
    [System.Net.ServicePointManager]::SecurityProtocol = $protocols -bor [System.Net.SecurityProtocolType]::Tls12
}
$request = @{
    Uri             = $address
    Method          = 'Post'
    Body            = $utf8.GetBytes($body)
    ContentType     = 'application/json; charset=utf-8'
    TimeoutSec      = 30
    UseBasicParsing = $true
}
Invoke-RestMethod @request | Out-Null
