# Tokens of vb365-helper for PowerShell, and calls of the VB365 REST API with them; for Windows
# PowerShell 5.1 and PowerShell 7 alike, so nothing here is newer than 5.1.
# The one rule: a secret is a SecureString, or passes through a pipe or a header. It is never text in
# a parameter, since module logging writes parameters to the event log, and never in a message.

Set-StrictMode -Version Latest
# What .NET throws in here ends the call. The exported functions say it again: -ErrorAction, which
# they cannot refuse, would otherwise let a half-done step go on.
$ErrorActionPreference = 'Stop'

# What PowerShell calls each kind of failure: the program's own, then this module's.
$script:Categories = @{
    internal         = 'NotSpecified'
    bad_request      = 'InvalidArgument'
    login_required   = 'AuthenticationError'
    login_failed     = 'AuthenticationError'
    refused          = 'PermissionDenied'
    unavailable      = 'ResourceUnavailable'
    cache            = 'OpenError'
    config           = 'InvalidData'
    untrusted_server = 'SecurityError'
    helper_not_found = 'NotInstalled'
    http_error       = 'ProtocolError'
}

# Whom the configuration trusts, by tenant and server, and until when that is believed.
$script:KnownTrust = @{}
# `list` opens the file of every tenant: too much for each call of the REST API.
$script:TrustLife = [timespan]::new(0, 5, 0)

function Connect-Vb365 {
    <#
    .SYNOPSIS
    Signs a person in to a tenant and remembers the settings.

    .DESCRIPTION
    Runs `vb365-helper login`. The code to enter in the browser appears on the console itself, never in
    the output. What is given here is written to the configuration, so that later calls need the tenant alone.

    .PARAMETER Tenant
    The Microsoft 365 organization, as in abc.onmicrosoft.com.

    .PARAMETER Server
    The VB365 server, as in https://vb365.abc.local:4443. Needed the first time.

    .PARAMETER Organization
    The organization as the VB365 server spells it, where that differs from the tenant.

    .PARAMETER ClientId
    The application that signs in. Default: Azure CLI.

    .PARAMETER Scope
    The permissions to ask for.

    .PARAMETER Authority
    The identity host of a national cloud.

    .PARAMETER CaFile
    A PEM file with root certificates to trust beside the system's.

    .PARAMETER PinSha256
    SHA-256 of the server certificates to trust instead of their chain and name.

    .PARAMETER ApiVersion
    The version of the REST API. Default: the newest that the server speaks.

    .PARAMETER Timeout
    How long to wait for the person. Default: as long as the code is valid.

    .EXAMPLE
    Connect-Vb365 -Tenant abc.onmicrosoft.com -Server https://vb365.abc.local:4443

    Signs in for the first time.

    .EXAMPLE
    Connect-Vb365 abc.onmicrosoft.com

    Signs in again, with the settings of the last time.

    .OUTPUTS
    Vb365Helper.Session, as Get-Vb365Session has it.
    #>
    [CmdletBinding()]
    [OutputType('Vb365Helper.Session')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Tenant,

        [Parameter(Position = 1)]
        [string] $Server,

        [string] $Organization,

        [string] $ClientId,

        [string[]] $Scope,

        [string] $Authority,

        [string] $CaFile,

        [string[]] $PinSha256,

        [ValidateSet('v4', 'v5', 'v6', 'v7', 'v8')]
        [string] $ApiVersion,

        [timespan] $Timeout
    )

    process {
        $ErrorActionPreference = 'Stop'
        $flags = [ordered]@{
            'server'       = $Server
            'organization' = $Organization
            'client-id'    = $ClientId
            'authority'    = $Authority
            'api-version'  = $ApiVersion
            'scope'        = $Scope
            'pin-sha256'   = $PinSha256
        }
        if ($CaFile) {
            # The program knows nothing of PowerShell's own drives and current location.
            $flags['ca-file'] = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($CaFile)
        }
        if ($PSBoundParameters.ContainsKey('Timeout')) {
            $flags['timeout'] = '{0}s' -f [long][Math]::Ceiling($Timeout.TotalSeconds)
        }
        # Behind `--` a tenant cannot be taken for a flag, nor can a value behind `=`.
        $arguments = @('login', '--json') + @(ConvertTo-Flag -Flags $flags) + @('--', $Tenant)
        $answer = Invoke-Helper -Caller $PSCmdlet -Arguments $arguments -Tenant $Tenant -MayAsk
        $script:KnownTrust.Clear()
        ConvertTo-Session -Entry $answer.Document
    }
}

function Get-Vb365Token {
    <#
    .SYNOPSIS
    Gets a token for the REST API of VB365, renewed if that is due.

    .DESCRIPTION
    Runs `vb365-helper get`, which answers from its cache, renews silently, or asks a person to sign in
    if nothing else helps and -Interactive allows it. The token is a SecureString unless asked for otherwise.

    .PARAMETER Tenant
    The Microsoft 365 organization, as in abc.onmicrosoft.com.

    .PARAMETER Server
    Which of the tenant's configured servers. Default: the first of them.

    .PARAMETER Want
    Which token: the VB365 server's (veeam, the default), Microsoft's (entra), or the two values that the
    Swagger page of VB365 asks for (assertion: an object with ClientId, Assertion and ExpiresAt).

    .PARAMETER MinTtl
    How long the token must still live. Default: as configured, else 5 minutes.

    .PARAMETER Interactive
    Whether a person may be asked to sign in: auto, the default, where somebody could be there, and elsewhere
    in a service, a task without a desktop, or PowerShell with -NonInteractive; always; elsewhere, by the
    prompt command of vb365-helper's configuration alone; or never.

    .PARAMETER RefusedToken
    A token that the server refused: it is not the answer again.

    .PARAMETER AsPlainText
    Answers the token as a string.

    .PARAMETER AsHeader
    Answers a hashtable with the Authorization header, for -Headers of Invoke-RestMethod.

    .EXAMPLE
    $token = Get-Vb365Token -Tenant abc.onmicrosoft.com

    .EXAMPLE
    $headers = Get-Vb365Token abc.onmicrosoft.com -AsHeader
    Invoke-RestMethod -Uri https://vb365.abc.local:4443/v8/Organizations -Headers $headers

    Calls the server with PowerShell's own means, which know nothing of a pinned certificate.

    .EXAMPLE
    Get-Vb365Token abc.onmicrosoft.com -Want assertion -AsPlainText | Format-List ClientId, Assertion

    Shows the two values for the Swagger page.

    .OUTPUTS
    System.Security.SecureString; System.String with -AsPlainText; System.Collections.Hashtable with -AsHeader;
    Vb365Helper.Assertion with -Want assertion.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Secure')]
    [OutputType('System.Security.SecureString', 'System.String', 'System.Collections.Hashtable',
        'Vb365Helper.Assertion')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Tenant,

        [Parameter(Position = 1)]
        [string] $Server,

        [ValidateSet('veeam', 'entra', 'assertion')]
        [string] $Want = 'veeam',

        [timespan] $MinTtl,

        [ValidateSet('auto', 'always', 'elsewhere', 'never')]
        [string] $Interactive = 'auto',

        [System.Security.SecureString] $RefusedToken,

        [Parameter(Mandatory = $true, ParameterSetName = 'PlainText')]
        [switch] $AsPlainText,

        [Parameter(Mandatory = $true, ParameterSetName = 'Header')]
        [switch] $AsHeader
    )

    process {
        $ErrorActionPreference = 'Stop'
        if ($AsHeader -and $Want -eq 'assertion') {
            $PSCmdlet.ThrowTerminatingError((New-Failure -Kind 'bad_request' -Tenant $Tenant -Message (
                        'an assertion is no header; leave -AsHeader or -Want assertion out')))
        }
        $request = New-GetRequest -Tenant $Tenant -Server $Server -Interactive $Interactive
        $request['want'] = $Want.ToLowerInvariant()
        if ($PSBoundParameters.ContainsKey('MinTtl')) {
            $request['min_ttl'] = [long][Math]::Ceiling($MinTtl.TotalSeconds)
        }
        if ($RefusedToken) {
            $request['refused_token'] = [System.Net.NetworkCredential]::new('', $RefusedToken).Password
        }
        $answer = Get-Grant -Caller $PSCmdlet -Request $request
        $value = $answer.Secret
        if ($AsPlainText -or $AsHeader) {
            $value = [System.Net.NetworkCredential]::new('', $answer.Secret).Password
        }
        if ($Want -eq 'assertion') {
            [pscustomobject]@{
                PSTypeName = 'Vb365Helper.Assertion'
                ClientId   = $answer.Document.client_id
                Assertion  = $value
                ExpiresAt  = (ConvertTo-LocalTime -Value $answer.Document.expires_at)
            }
        } elseif ($AsHeader) {
            @{ Authorization = "Bearer $value" }
        } else {
            $value
        }
    }
}

function Invoke-Vb365RestMethod {
    <#
    .SYNOPSIS
    Calls the REST API of a tenant's VB365 server.

    .DESCRIPTION
    Gets the tenant's token, sends the request to the server that the token is for, and answers what
    that says, JSON as objects. A token that the server refuses is renewed, and the request sent once more.

    The server's certificate must satisfy the system, or what the configuration of vb365-helper has for
    this tenant: `pin_sha256` is checked instead of chain and name, roots from `ca_file` are trusted beside
    the system's. There is no way to do without the check, and no redirect is followed.

    .PARAMETER Tenant
    The Microsoft 365 organization, as in abc.onmicrosoft.com.

    .PARAMETER Path
    Path and query on the server, as in /v8/Organizations?limit=10.

    .PARAMETER Method
    The HTTP method. Default: GET.

    .PARAMETER Body
    What to send: a string or bytes as they are, anything else as JSON.

    .PARAMETER ContentType
    What -Body is. Default: application/json.

    .PARAMETER Server
    Which of the tenant's configured servers. Default: the first of them.

    .PARAMETER PinSha256
    SHA-256 of the server certificates to trust instead of chain and name, in place of what is configured.

    .PARAMETER Interactive
    Whether a person may be asked to sign in: auto, the default, where somebody could be there, and elsewhere
    in a service, a task without a desktop, or PowerShell with -NonInteractive; always; elsewhere, by the
    prompt command of vb365-helper's configuration alone; or never.

    .PARAMETER TimeoutSec
    How many seconds the server may take to answer. Default: 100.

    .EXAMPLE
    Invoke-Vb365RestMethod -Tenant abc.onmicrosoft.com -Path /v8/Organizations

    .EXAMPLE
    Invoke-Vb365RestMethod abc.onmicrosoft.com /v8/Jobs/$id/start -Method POST -Body @{ fullSync = $false }

    .OUTPUTS
    What the server answers: objects from JSON, else a string; nothing for an empty answer.
    #>
    [CmdletBinding()]
    [OutputType('System.Management.Automation.PSCustomObject', 'System.String')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Tenant,

        [Parameter(Mandatory = $true, Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [ValidateSet('GET', 'POST', 'PUT', 'PATCH', 'DELETE')]
        [string] $Method = 'GET',

        [object] $Body,

        [string] $ContentType = 'application/json; charset=utf-8',

        [string] $Server,

        [string[]] $PinSha256,

        [ValidateSet('auto', 'always', 'elsewhere', 'never')]
        [string] $Interactive = 'auto',

        [ValidateRange(1, 86400)]
        [int] $TimeoutSec = 100
    )

    process {
        $ErrorActionPreference = 'Stop'
        if ($Path -notmatch '^/(?!/)') {
            $PSCmdlet.ThrowTerminatingError((New-Failure -Kind 'bad_request' -Tenant $Tenant -Message (
                        'the path is one on the server alone, as in /v8/Organizations')))
        }
        if ($Method -eq 'GET' -and $null -ne $Body) {
            $PSCmdlet.ThrowTerminatingError((New-Failure -Kind 'bad_request' -Tenant $Tenant -Message (
                        'a GET has no body; name another -Method')))
        }
        $request = New-GetRequest -Tenant $Tenant -Server $Server -Interactive $Interactive
        $answer = Get-Grant -Caller $PSCmdlet -Request $request
        $call = @{
            Tenant      = $Tenant
            Server      = $answer.Document.server
            Path        = $Path
            Method      = $Method.ToUpperInvariant()
            Body        = (ConvertTo-Body -Body $Body)
            ContentType = $ContentType
            TimeoutSec  = $TimeoutSec
            Trust       = @{ Pins = $PinSha256; Roots = @() }
            Token       = $answer.Secret
        }
        if (-not $PinSha256) {
            $call.Trust = Get-Trust -Caller $PSCmdlet -Tenant $Tenant -Server $call.Server
        }
        $response = Send-Call -Caller $PSCmdlet -Call $call
        if ($response.Status -eq 401) {
            # The server knows better than any clock which tokens are good. Nothing was done there: the
            # same request can go out again. Whoever is refused twice is refused for another reason.
            $request['refused_token'] = [System.Net.NetworkCredential]::new('', $call.Token).Password
            $call.Token = (Get-Grant -Caller $PSCmdlet -Request $request).Secret
            $response = Send-Call -Caller $PSCmdlet -Call $call
        }
        Read-Response -Caller $PSCmdlet -Call $call -Response $response
    }
}

function Get-Vb365Session {
    <#
    .SYNOPSIS
    Shows which tenants are signed in, and for how long.

    .DESCRIPTION
    Runs `vb365-helper list`. It shows no token, and asks neither Microsoft nor any server.

    .PARAMETER Tenant
    Only these tenants; wildcards are allowed.

    .EXAMPLE
    Get-Vb365Session

    .EXAMPLE
    Get-Vb365Session | Where-Object State -EQ 'login_required' | Connect-Vb365

    Signs in again wherever that is due.

    .OUTPUTS
    Vb365Helper.Session: a tenant, with an entry in Servers for each server whose tokens are kept. All
    times are local ones.
    #>
    [CmdletBinding()]
    [OutputType('Vb365Helper.Session')]
    param(
        [Parameter(Position = 0)]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Tenant = '*'
    )

    process {
        $ErrorActionPreference = 'Stop'
        $answer = Invoke-Helper -Caller $PSCmdlet -Arguments @('list', '--json')
        foreach ($entry in @(Get-Field -Object $answer.Document -Name 'tenants')) {
            foreach ($pattern in $Tenant) {
                if ($entry.tenant -like $pattern) {
                    ConvertTo-Session -Entry $entry
                    break
                }
            }
        }
    }
}

function Disconnect-Vb365 {
    <#
    .SYNOPSIS
    Removes a tenant's tokens from this machine.

    .DESCRIPTION
    Runs `vb365-helper erase`. It ends nothing at Microsoft or the server, and it is no mistake if there
    is nothing to remove.

    .PARAMETER Tenant
    The Microsoft 365 organization, as in abc.onmicrosoft.com.

    .PARAMETER Server
    Only the tokens of this server.

    .PARAMETER AccessOnly
    Only the access tokens: the next call renews them.

    .PARAMETER All
    The tokens of every tenant.

    .EXAMPLE
    Disconnect-Vb365 -Tenant abc.onmicrosoft.com

    .EXAMPLE
    Disconnect-Vb365 -All -WhatIf

    .OUTPUTS
    None.
    #>
    [CmdletBinding(DefaultParameterSetName = 'Tenant', SupportsShouldProcess = $true)]
    param(
        [Parameter(ParameterSetName = 'Tenant', Mandatory = $true, Position = 0,
            ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Tenant,

        [Parameter(ParameterSetName = 'Tenant')]
        [string] $Server,

        [Parameter(ParameterSetName = 'Tenant')]
        [switch] $AccessOnly,

        [Parameter(Mandatory = $true, ParameterSetName = 'All')]
        [switch] $All
    )

    process {
        $ErrorActionPreference = 'Stop'
        if ($PSCmdlet.ParameterSetName -eq 'All') {
            if ($All -and $PSCmdlet.ShouldProcess('every tenant', 'Remove all tokens from this machine')) {
                [void](Invoke-Helper -Caller $PSCmdlet -Arguments @('erase', '--all'))
            }
            return
        }
        $request = [ordered]@{ version = 1; tenant = $Tenant }
        if ($Server) {
            $request['server'] = $Server
        }
        if ($AccessOnly) {
            $request['access_only'] = $true
        }
        $what = if ($AccessOnly) { 'Remove access tokens from this machine' } else { 'Remove tokens from this machine' }
        $target = if ($Server) { "$Tenant at $Server" } else { $Tenant }
        if ($PSCmdlet.ShouldProcess($target, $what)) {
            [void](Invoke-Helper -Caller $PSCmdlet -Arguments @('erase') -Request $request -Tenant $Tenant)
        }
    }
}

# Runs the program to its end. Answers its document, with the one secret in it apart; a failure ends
# the caller with an error record.
function Invoke-Helper {
    param(
        [System.Management.Automation.PSCmdlet] $Caller,
        [string[]] $Arguments,
        [System.Collections.IDictionary] $Request,
        [string] $Tenant,
        [switch] $MayAsk,
        [switch] $Quiet
    )

    $path = Find-Helper -Caller $Caller
    $start = New-StartInfo -Path $path -Arguments $Arguments -MayAsk:$MayAsk
    $start.RedirectStandardInput = $null -ne $Request
    $failure = $null
    try {
        $run = Invoke-Process -Start $start -Request $Request
    } catch {
        $failure = New-Failure -Kind 'helper_not_found' -Tenant $Tenant -Message (
            "$path cannot be run: $($_.Exception.GetBaseException().Message)")
    }
    # Not from within `catch`: what ends a caller is an exception, too.
    if ($failure) {
        $Caller.ThrowTerminatingError($failure)
    }
    Write-HelperWord -Caller $Caller -Run $run -Quiet:$Quiet
    $answer = Read-Answer -Run $run
    if ($run.ExitCode -ne 0 -or $null -eq $answer.Document) {
        $Caller.ThrowTerminatingError((ConvertTo-Failure -Run $run -Document $answer.Document -Tenant $Tenant))
    }
    $answer
}

# The program's path: what VB365_HELPER names, else what stands on the PATH.
function Find-Helper {
    param([System.Management.Automation.PSCmdlet] $Caller)

    $name = if ($env:VB365_HELPER) { $env:VB365_HELPER } else { 'vb365-helper' }
    # Not a batch file: cmd.exe reads arguments by rules of its own, which no quoting here fits.
    $found = Get-Command -Name $name -CommandType Application -ErrorAction Ignore |
        Where-Object { $_.Extension -notin '.cmd', '.bat' } | Select-Object -First 1
    if (-not $found) {
        $hint = 'install vb365-helper, or name its path in the environment variable VB365_HELPER'
        $message = "there is no program '$name'"
        $Caller.ThrowTerminatingError((New-Failure -Kind 'helper_not_found' -Message $message -Hint $hint))
    }
    $found.Path
}

# How the program is started: with pipes, never by `&`, since Windows PowerShell makes an error record
# of each line on stderr. The prompt of a sign-in needs none of the three streams.
function New-StartInfo {
    param([string] $Path, [string[]] $Arguments, [switch] $MayAsk)

    $quoted = foreach ($argument in $Arguments) { ConvertTo-QuotedArgument -Argument $argument }
    $start = [System.Diagnostics.ProcessStartInfo]::new($Path, ($quoted -join ' '))
    $start.UseShellExecute = $false
    # In a graphical host a window would flash up. Where a person may be asked it has to: the program
    # would take a hidden console for one that somebody sees.
    $start.CreateNoWindow = -not $MayAsk
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [System.Text.UTF8Encoding]::new($false)
    $start.StandardErrorEncoding = [System.Text.UTF8Encoding]::new($false)
    $start
}

# An argument as programs on Windows take a command line apart; .NET does the same elsewhere. The
# .NET Framework has no list of arguments.
function ConvertTo-QuotedArgument {
    param([AllowEmptyString()] [string] $Argument)

    if ($Argument -and $Argument -notmatch '[\s"]') {
        return $Argument
    }
    # Backslashes count as themselves, unless a quotation mark follows: then each is written twice.
    '"' + ($Argument -replace '(\\*)"', '$1$1\"' -replace '(\\+)\z', '$1$1') + '"'
}

# Every flag that has a value, once for each value.
function ConvertTo-Flag {
    param([System.Collections.IDictionary] $Flags)

    foreach ($name in $Flags.Keys) {
        foreach ($value in $Flags[$name]) {
            if ($value) {
                "--$name=$value"
            }
        }
    }
}

# Runs a process to its end: both outputs are read while it runs, so that neither side waits for ever.
function Invoke-Process {
    param([System.Diagnostics.ProcessStartInfo] $Start, [System.Collections.IDictionary] $Request)

    $process = [System.Diagnostics.Process]::new()
    $process.StartInfo = $Start
    $isRunning = $false
    try {
        Start-WithoutMark -Process $process
        $isRunning = $true
        $output = $process.StandardOutput.ReadToEndAsync()
        $words = $process.StandardError.ReadToEndAsync()
        if ($Start.RedirectStandardInput) {
            Write-Request -Process $process -Request $Request
        }
        # In short waits: Ctrl-C ends a pipeline between two of them.
        while (-not $process.WaitForExit(100)) { }
        $isRunning = $false
        @{ ExitCode = $process.ExitCode; Output = $output.Result; Words = $words.Result }
    } finally {
        # The program gets the same Ctrl-C, and ends a sign-in as it should. A kill is for one that does not.
        if ($isRunning -and -not $process.WaitForExit(2000)) {
            $process.Kill()
        }
        $process.Dispose()
    }
}

# The .NET Framework writes to stdin in the console's encoding, and its byte order mark at once; in
# front of a request that is a mistake. So while a process starts, the console's encoding has none.
function Start-WithoutMark {
    param([System.Diagnostics.Process] $Process)

    $encoding = [System.Console]::InputEncoding
    $hasMark = $Process.StartInfo.RedirectStandardInput -and $encoding.GetPreamble().Length -gt 0
    try {
        if ($hasMark) {
            [System.Console]::InputEncoding = [System.Text.UTF8Encoding]::new($false)
        }
        [void]$Process.Start()
    } finally {
        if ($hasMark) {
            [System.Console]::InputEncoding = $encoding
        }
    }
}

# Writes the request as UTF-8, past the stream's own encoding, and closes stdin.
function Write-Request {
    param([System.Diagnostics.Process] $Process, [System.Collections.IDictionary] $Request)

    $bytes = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Request -Compress))
    try {
        $Process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
        $Process.StandardInput.BaseStream.Flush()
        $Process.StandardInput.Close()
    } catch {
        # The program ended before it read: its exit code and its words say why.
        Write-Debug -Message 'vb365-helper did not read its request'
    } finally {
        [Array]::Clear($bytes, 0, $bytes.Length)
    }
}

# Passes on what the program has to say beside its answer; none of it is ever a secret.
function Write-HelperWord {
    param([System.Management.Automation.PSCmdlet] $Caller, [hashtable] $Run, [switch] $Quiet)

    foreach ($line in $Run.Words -split '\r?\n') {
        if ($line -match '^vb365-helper: warning: (.+)$' -and -not $Quiet) {
            $Caller.WriteWarning($Matches[1])
        } elseif ($line) {
            $Caller.WriteVerbose($line)
        }
    }
}

# Takes the secret out of the output before a command gets to see the rest.
function Read-Answer {
    param([hashtable] $Run)

    $secret = $null
    $text = $Run.Output
    $found = [regex]::Match($text, '(?<="(?:access_token|assertion)":")(?:[^"\\]|\\.)+(?=")')
    if ($found.Success) {
        $secret = [System.Security.SecureString]::new()
        foreach ($character in [regex]::Unescape($found.Value).ToCharArray()) {
            $secret.AppendChar($character)
        }
        $secret.MakeReadOnly()
        $text = $text.Remove($found.Index, $found.Length)
    }
    $document = $null
    if ($text.TrimStart().StartsWith('{')) {
        try {
            $document = ConvertFrom-Json -InputObject $text
        } catch {
            Write-Debug -Message 'the output of vb365-helper is no JSON'
        }
    }
    @{ Document = $document; Secret = $secret }
}

# The error record for a run that failed.
function ConvertTo-Failure {
    param([hashtable] $Run, [object] $Document, [string] $Tenant)

    $told = Get-Field -Object $Document -Name 'error'
    $kind = Get-Field -Object $told -Name 'kind'
    $message = Get-Field -Object $told -Name 'message'
    $data = @{ ExitCode = [int]$Run.ExitCode }
    $delay = Get-Field -Object $told -Name 'retry_after'
    if ($null -ne $delay) {
        $data['RetryAfter'] = [timespan]::new(0, 0, [int]$delay)
    }
    $correlation = Get-Field -Object (Get-Field -Object $told -Name 'cause') -Name 'correlation_id'
    if ($correlation) {
        $data['CorrelationId'] = [string]$correlation
    }
    if (-not $kind) {
        $kind = 'internal'
        $message = "vb365-helper ended with exit code $($Run.ExitCode) and without an answer"
    }
    $about = Get-Field -Object $told -Name 'tenant'
    if (-not $about) {
        $about = $Tenant
    }
    New-Failure -Kind $kind -Message $message -Hint (Get-Field -Object $told -Name 'hint') -Tenant $about -Data $data
}

# An error record as scripts match it: the kind begins FullyQualifiedErrorId, the words may change.
function New-Failure {
    param([string] $Kind, [string] $Message, [string] $Hint, [string] $Tenant, [hashtable] $Data = @{})

    $exception = [System.InvalidOperationException]::new($Message)
    foreach ($key in $Data.Keys) {
        $exception.Data[$key] = $Data[$key]
    }
    $category = 'NotSpecified'
    if ($script:Categories.ContainsKey($Kind)) {
        $category = $script:Categories[$Kind]
    }
    $target = if ($Tenant) { $Tenant } else { $null }
    $record = [System.Management.Automation.ErrorRecord]::new($exception, $Kind, $category, $target)
    if ($Hint) {
        # PowerShell shows a recommended action of its own accord from 7.5 on only.
        $shown = if ($PSVersionTable.PSVersion -ge [version]'7.5') { $Message } else { "$Message`nhint: $Hint" }
        $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new($shown)
        $record.ErrorDetails.RecommendedAction = $Hint
    }
    $record
}

# A request of `get`, to be filled up.
function New-GetRequest {
    param([string] $Tenant, [string] $Server, [string] $Interactive)

    $request = [ordered]@{ version = 1; tenant = $Tenant; interactive = $Interactive.ToLowerInvariant() }
    if ($request['interactive'] -eq 'auto' -and (Test-Unattended)) {
        $request['interactive'] = 'elsewhere'
    }
    if ($Server) {
        $request['server'] = $Server
    }
    $request
}

# Whether nobody can be there to be asked. A scheduled task has a console that the program could open,
# and that no person ever sees.
function Test-Unattended {
    $switches = @([Environment]::GetCommandLineArgs() -like '-noni*')
    (-not [Environment]::UserInteractive) -or $switches.Count -gt 0
}

# The answer to a request of `get`.
function Get-Grant {
    param([System.Management.Automation.PSCmdlet] $Caller, [System.Collections.IDictionary] $Request)

    $tenant = $Request['tenant']
    $mayAsk = @('auto', 'always') -contains $Request['interactive']
    $answer = Invoke-Helper -Caller $Caller -Arguments @('get') -Request $Request -Tenant $tenant -MayAsk:$mayAsk
    if ($null -eq $answer.Secret) {
        $Caller.ThrowTerminatingError((New-Failure -Kind 'internal' -Tenant $tenant -Message (
                    'vb365-helper answered without a token')))
    }
    $answer
}

# One tenant of `list`, with times as PowerShell counts them.
function ConvertTo-Session {
    param([object] $Entry)

    $entra = Get-Field -Object $Entry -Name 'entra'
    $servers = foreach ($server in @(Get-Field -Object $Entry -Name 'servers')) {
        [pscustomobject]@{
            PSTypeName  = 'Vb365Helper.Server'
            Server      = $server.server
            ExpiresAt   = (ConvertTo-LocalTime -Value (Get-Field -Object $server -Name 'access_expires_at'))
            Refreshable = $server.refreshable
            PinSha256   = @(Get-Field -Object $server -Name 'pin_sha256')
            CaFile      = (Get-Field -Object $server -Name 'ca_file')
        }
    }
    [pscustomobject]@{
        PSTypeName       = 'Vb365Helper.Session'
        Tenant           = $Entry.tenant
        State            = $Entry.state
        Account          = (Get-Field -Object $Entry -Name 'account')
        Servers          = @($servers)
        Authority        = (Get-Field -Object $entra -Name 'authority')
        ClientId         = (Get-Field -Object $entra -Name 'client_id')
        Scopes           = @(Get-Field -Object $entra -Name 'scopes')
        EntraExpiresAt   = (ConvertTo-LocalTime -Value (Get-Field -Object $entra -Name 'access_expires_at'))
        EntraRefreshable = [bool](Get-Field -Object $entra -Name 'refreshable')
        LastRenewedAt    = (ConvertTo-LocalTime -Value (Get-Field -Object $entra -Name 'last_renewed_at'))
        RefreshExpiresAt = (ConvertTo-LocalTime -Value (Get-Field -Object $entra -Name 'refresh_expires_at'))
        Protection       = (Get-Field -Object $Entry -Name 'protection')
    }
}

# A field that may be absent, which strict mode does not let one ask for by name.
function Get-Field {
    param([object] $Object, [string] $Name)

    if ($null -eq $Object) {
        return
    }
    $property = $Object.PSObject.Properties[$Name]
    if ($null -ne $property) {
        $property.Value
    }
}

# An instant of a document as a local time, which can be compared with Get-Date. PowerShell 7 makes
# dates of such strings when it reads JSON, and Windows PowerShell does not.
function ConvertTo-LocalTime {
    param([object] $Value)

    if ($null -eq $Value) {
        return
    }
    if ($Value -isnot [datetime]) {
        $style = [System.Globalization.DateTimeStyles]::RoundtripKind
        $Value = [datetime]::Parse($Value, [System.Globalization.CultureInfo]::InvariantCulture, $style)
    }
    $Value.ToLocalTime()
}

# Whom the configuration trusts to be a server of this tenant.
function Get-Trust {
    param([System.Management.Automation.PSCmdlet] $Caller, [string] $Tenant, [string] $Server)

    $key = "$Tenant $Server".ToLowerInvariant()
    $known = $script:KnownTrust[$key]
    if ($known -and $known.Until -gt [datetime]::UtcNow) {
        return $known
    }
    # What is wrong with other tenants is not this call's business.
    $answer = Invoke-Helper -Caller $Caller -Arguments @('list', '--json') -Tenant $Tenant -Quiet
    $entry = @(Get-Field -Object $answer.Document -Name 'tenants') | Where-Object { $_.tenant -eq $Tenant }
    $named = @(Get-Field -Object $entry -Name 'servers') | Where-Object { $_.server -eq $Server }
    $trust = @{
        Pins  = @(Get-Field -Object $named -Name 'pin_sha256')
        Roots = @()
        Key   = $key
        Until = [datetime]::UtcNow + $script:TrustLife
    }
    $file = Get-Field -Object $named -Name 'ca_file'
    # As in the program, pins count alone where there are any.
    if ($file -and -not $trust.Pins) {
        $trust.Roots = @(Read-Root -Caller $Caller -Path $file -Tenant $Tenant)
    }
    $script:KnownTrust[$key] = $trust
    $trust
}

# The certificates of a PEM file.
function Read-Root {
    param([System.Management.Automation.PSCmdlet] $Caller, [string] $Path, [string] $Tenant)

    $roots = @()
    $why = 'it has no certificate in PEM form'
    try {
        $text = [System.IO.File]::ReadAllText($Path)
        $pattern = '-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----'
        $roots = @(foreach ($block in [regex]::Matches($text, $pattern)) {
                $bytes = [Convert]::FromBase64String($block.Groups[1].Value)
                [System.Security.Cryptography.X509Certificates.X509Certificate2]::new([byte[]]$bytes)
            })
    } catch {
        $why = $_.Exception.GetBaseException().Message
    }
    if (-not $roots) {
        $Caller.ThrowTerminatingError((New-Failure -Kind 'config' -Tenant $Tenant -Message "ca_file ${Path}: $why"))
    }
    $roots
}

# The rule for a server's certificate. It is compiled when the first https call needs it, and asked
# by every one: another script of the same session may have switched .NET's own checks off.
function New-CertificateRule {
    param([hashtable] $Trust)

    if (-not ('Vb365Helper.CertificateRule' -as [type])) {
        # A newer compiler's warning is no reason to stop.
        Add-Type -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath 'CertificateRule.cs') -IgnoreWarnings
    }
    $pins = @(foreach ($pin in $Trust.Pins) { $pin.Replace(':', '').ToLowerInvariant() })
    $roots = [System.Security.Cryptography.X509Certificates.X509Certificate2[]]$Trust.Roots
    New-Object -TypeName 'Vb365Helper.CertificateRule' -ArgumentList ([string[]]$pins), $roots
}

# Adds TLS 1.2 where Windows PowerShell starts without it. What the system decides by itself, and
# whatever else is on, stays as it is.
function Enable-Tls12 {
    if ($PSVersionTable.PSEdition -eq 'Core') {
        return
    }
    $tls12 = [System.Net.SecurityProtocolType]::Tls12
    $now = [System.Net.ServicePointManager]::SecurityProtocol
    if ([int]$now -ne 0 -and ([int]$now -band [int]$tls12) -eq 0) {
        [System.Net.ServicePointManager]::SecurityProtocol = $now -bor $tls12
    }
}

# Sends one request and answers status, type and text, whatever the status is.
function Send-Call {
    param([System.Management.Automation.PSCmdlet] $Caller, [hashtable] $Call)

    Enable-Tls12
    $request = New-WebRequest -Call $Call
    $rule = $null
    if ($request.RequestUri.Scheme -eq 'https') {
        $rule = New-CertificateRule -Trust $Call.Trust
        $request.ServerCertificateValidationCallback = $rule.Callback
        $request.ConnectionGroupName = $rule.Name
    }
    $response = $null
    $failure = $null
    try {
        Write-Body -Request $request -Call $Call
        $response = Receive-Response -Request $request -TimeoutSec $Call.TimeoutSec
    } catch {
        $failure = New-CallFailure -Call $Call -Rule $rule -Exception $_.Exception
    }
    # Not from within `catch`: what ends a caller is an exception, too.
    if ($failure) {
        $Caller.ThrowTerminatingError($failure)
    }
    $response
}

# The request without its body. One class of .NET's serves both editions, with a rule for each request.
function New-WebRequest {
    param([hashtable] $Call)

    $request = [System.Net.WebRequest]::CreateHttp([uri]($Call.Server + $Call.Path))
    $request.Method = $Call.Method
    $request.Accept = 'application/json'
    $request.UserAgent = 'Vb365Helper'
    $request.Timeout = 1000 * $Call.TimeoutSec
    # A redirect would take the token along to wherever it leads.
    $request.AllowAutoRedirect = $false
    $token = [System.Net.NetworkCredential]::new('', $Call.Token).Password
    $request.Headers.Add('Authorization', "Bearer $token")
    $request
}

# The bytes of a body; nothing where there is none.
function ConvertTo-Body {
    param([object] $Body)

    if ($null -eq $Body) {
        return
    }
    if ($Body -is [byte[]]) {
        return , $Body
    }
    $text = if ($Body -is [string]) { $Body } else { ConvertTo-Json -InputObject $Body -Depth 20 -Compress }
    , [System.Text.Encoding]::UTF8.GetBytes($text)
}

function Write-Body {
    param([System.Net.HttpWebRequest] $Request, [hashtable] $Call)

    if ($null -eq $Call.Body) {
        return
    }
    $Request.ContentType = $Call.ContentType
    $stream = $Request.GetRequestStream()
    try {
        $stream.Write($Call.Body, 0, $Call.Body.Length)
    } finally {
        $stream.Dispose()
    }
}

# What the server answers within the time, to its last byte.
function Receive-Response {
    param([System.Net.HttpWebRequest] $Request, [int] $TimeoutSec)

    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $answer = $Request.GetResponseAsync()
    Wait-Call -Request $Request -Task $answer -Clock $clock -TimeoutSec $TimeoutSec
    $response = Get-WebResponse -Task $answer
    try {
        $content = [System.IO.MemoryStream]::new()
        $copy = $response.GetResponseStream().CopyToAsync($content)
        Wait-Call -Request $Request -Task $copy -Clock $clock -TimeoutSec $TimeoutSec
        if ($copy.IsFaulted) {
            throw $copy.Exception.GetBaseException()
        }
        # Always UTF-8, as JSON is: the .NET Framework would guess Latin-1 where the type does not tell.
        $text = [System.Text.Encoding]::UTF8.GetString($content.ToArray())
        @{ Status = [int]$response.StatusCode; Type = [string]$response.ContentType; Text = $text }
    } finally {
        $response.Close()
    }
}

# Waits for a part of a call, which is given up when its time is over or the caller is.
function Wait-Call {
    param(
        [System.Net.HttpWebRequest] $Request,
        [System.Threading.Tasks.Task] $Task,
        [System.Diagnostics.Stopwatch] $Clock,
        [int] $TimeoutSec
    )

    try {
        # In short waits: Ctrl-C ends a pipeline between two of them.
        while ([System.Threading.Tasks.Task]::WaitAny([System.Threading.Tasks.Task[]]@($Task), 100) -lt 0) {
            if ($Clock.Elapsed.TotalSeconds -gt $TimeoutSec) {
                throw [System.TimeoutException]::new("no answer within $TimeoutSec s")
            }
        }
    } finally {
        if (-not $Task.IsCompleted) {
            $Request.Abort()
        }
    }
}

# The response that a finished task has, or that the exception holds which .NET makes of a status.
function Get-WebResponse {
    param([System.Threading.Tasks.Task] $Task)

    if (-not $Task.IsFaulted) {
        return $Task.Result
    }
    $exception = $Task.Exception
    while ($exception -and $exception -isnot [System.Net.WebException]) {
        $exception = $exception.InnerException
    }
    if (-not $exception -or -not $exception.Response) {
        throw $Task.Exception.GetBaseException()
    }
    $exception.Response
}

# The error record for a call that got no answer.
function New-CallFailure {
    param([hashtable] $Call, [object] $Rule, [System.Exception] $Exception)

    if ($Rule -and $Rule.Refused) {
        # It may have been pinned anew since: the next call asks again.
        if ($Call.Trust.ContainsKey('Key')) {
            $script:KnownTrust.Remove($Call.Trust.Key)
        }
        $login = "vb365-helper login $($Call.Tenant) --server $($Call.Server) --pin-sha256 $($Rule.Refused)"
        $hint = "compare it with the server's own, then: $login"
        return New-Failure -Kind 'untrusted_server' -Tenant $Call.Tenant -Hint $hint -Message (
            "the certificate of $($Call.Server) is not trusted; its SHA-256 is $($Rule.Refused)")
    }
    New-Failure -Kind 'unavailable' -Tenant $Call.Tenant -Message (
        "$($Call.Server) cannot be reached: $($Exception.GetBaseException().Message)")
}

# The content of a good response; a bad one ends the caller.
function Read-Response {
    param([System.Management.Automation.PSCmdlet] $Caller, [hashtable] $Call, [hashtable] $Response)

    $text = $Response.Text.TrimStart([char]0xFEFF)
    if ($Response.Status -lt 200 -or $Response.Status -ge 300) {
        $Caller.ThrowTerminatingError((New-HttpFailure -Call $Call -Status $Response.Status -Text $text))
    }
    if ($text -eq '') {
        return
    }
    if ($Response.Type -notmatch '[/+]json\b') {
        return $text
    }
    $failure = $null
    $content = $null
    try {
        $content = ConvertFrom-Json -InputObject $text
    } catch {
        $message = "$($Call.Method) $($Call.Server)$($Call.Path) was answered with JSON that cannot be read"
        $data = @{ StatusCode = $Response.Status }
        $failure = New-Failure -Kind 'http_error' -Message $message -Tenant $Call.Tenant -Data $data
    }
    # Not from within `catch`: what ends a caller is an exception, too.
    if ($failure) {
        $Caller.ThrowTerminatingError($failure)
    }
    # From a variable, so that both editions pass on the items of an array one by one.
    $content
}

# The error record for a status that says no.
function New-HttpFailure {
    param([hashtable] $Call, [int] $Status, [string] $Text)

    $said = $null
    try {
        $document = ConvertFrom-Json -InputObject $Text
        foreach ($name in 'message', 'error_description') {
            if (-not $said) {
                $said = Get-Field -Object $document -Name $name
            }
        }
    } catch {
        Write-Debug -Message 'the server did not say why in JSON'
    }
    $message = "$($Call.Method) $($Call.Server)$($Call.Path) was answered with status $Status"
    if ($said) {
        # One line of bounded length, in which the server cannot hand the token back.
        $token = [System.Net.NetworkCredential]::new('', $Call.Token).Password
        $said = ([string]$said).Replace($token, '...') -replace '[\p{C}\s]+', ' '
        $message += ': ' + $said.Substring(0, [Math]::Min($said.Length, 300)).Trim()
    }
    New-Failure -Kind 'http_error' -Message $message -Tenant $Call.Tenant -Data @{ StatusCode = $Status }
}

Export-ModuleMember -Function @(
    'Connect-Vb365'
    'Disconnect-Vb365'
    'Get-Vb365Session'
    'Get-Vb365Token'
    'Invoke-Vb365RestMethod'
)
