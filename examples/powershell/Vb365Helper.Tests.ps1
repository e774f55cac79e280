# Pester 5 tests of the module, against the sandbox:
#
#   cargo run --example sandbox -- --tls --no-san --auto-approve
#   $env:VB365_HELPER = 'target/debug/vb365-helper'       # if it is not on the PATH
#   $env:VB365_HELPER_CONFIG = 'PATH'                     # the configuration that the sandbox prints
#   $env:VB365_SANDBOX = 'http://127.0.0.1:PORT'          # its authority
#   Invoke-Pester examples/powershell
#
# They sign in by themselves, which needs a terminal.

BeforeDiscovery {
    $isTls = (Get-Content -LiteralPath $env:VB365_HELPER_CONFIG -Raw) -match 'server = "https:'
    $isUnix = [Environment]::OSVersion.Platform -eq 'Unix'
    $arguments = @(
        @{ Argument = 'plain'; Quoted = 'plain' }
        @{ Argument = ''; Quoted = '""' }
        @{ Argument = 'two words'; Quoted = '"two words"' }
        @{ Argument = 'say "yes"'; Quoted = '"say \"yes\""' }
        @{ Argument = 'C:\a b\'; Quoted = '"C:\a b\\"' }
        @{ Argument = 'C:\ab\'; Quoted = 'C:\ab\' }
        @{ Argument = 'a\\"b'; Quoted = '"a\\\\\"b"' }
    )
}

BeforeAll {
    Import-Module -Name "$PSScriptRoot/Vb365Helper/Vb365Helper.psd1" -Force
    $tenant = 'abc.onmicrosoft.com'

    function Send-Order {
        param([string] $Order)
        [void](Invoke-RestMethod -Uri "$env:VB365_SANDBOX/sandbox/$Order" -Method Post)
    }

    # The error that a script block ends with.
    function Get-Failure {
        param([scriptblock] $ScriptBlock)
        try {
            [void](& $ScriptBlock)
        } catch {
            return $_
        }
        throw 'it did not fail'
    }
}

Describe 'Connect-Vb365' {
    It 'signs in and answers the session' {
        $session = Connect-Vb365 -Tenant $tenant -Timeout '00:01:00'
        $session.Tenant | Should -Be $tenant
        $session.State | Should -Be 'valid'
        $session.Servers | Should -HaveCount 1
    }

    It 'takes no tenant for a flag' {
        $failure = Get-Failure { Connect-Vb365 -Tenant '--help' }
        $failure.FullyQualifiedErrorId | Should -Be 'bad_request,Connect-Vb365'
    }
}

Describe 'Get-Vb365Token' {
    BeforeAll {
        [void](Connect-Vb365 -Tenant $tenant -Timeout '00:01:00')
        $plain = Get-Vb365Token -Tenant $tenant -AsPlainText
    }

    It 'answers a SecureString' {
        $token = Get-Vb365Token -Tenant $tenant
        $token | Should -BeOfType 'System.Security.SecureString'
        [System.Net.NetworkCredential]::new('', $token).Password | Should -BeExactly $plain
    }

    It 'answers a header' {
        (Get-Vb365Token -Tenant $tenant -AsHeader)['Authorization'] | Should -BeExactly "Bearer $plain"
    }

    It 'answers the two values of the Swagger page' {
        $answer = Get-Vb365Token -Tenant $tenant -Want assertion
        $answer.ClientId | Should -BeExactly 'Abc.onmicrosoft.com'
        $answer.ExpiresAt | Should -BeGreaterThan (Get-Date)
        $json = [System.Net.NetworkCredential]::new('', $answer.Assertion).Password
        (ConvertFrom-Json -InputObject $json).token_type | Should -Be 'Bearer'
    }

    It 'answers another token for a refused one' {
        $refused = Get-Vb365Token -Tenant $tenant
        $other = Get-Vb365Token -Tenant $tenant -RefusedToken $refused -AsPlainText
        $other | Should -Not -BeExactly $plain
    }

    It 'takes a tenant from the pipeline' {
        Get-Vb365Session -Tenant $tenant | Get-Vb365Token | Should -BeOfType 'System.Security.SecureString'
    }

    It 'fails by the kind, with a hint and about the tenant' {
        $failure = Get-Failure { Get-Vb365Token -Tenant nobody.example -Server https://x:1 -Interactive never }
        $failure.FullyQualifiedErrorId | Should -Be 'config,Get-Vb365Token'
        $failure.CategoryInfo.Category | Should -Be 'InvalidData'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'vb365-helper login nobody.example'
        $failure.TargetObject | Should -Be 'nobody.example'
        $failure.Exception.Data['ExitCode'] | Should -Be 8
    }

    It 'fails in the same way whatever the error preference is' {
        $failure = Get-Failure {
            Get-Vb365Token -Tenant nobody.example -Interactive never -ErrorAction SilentlyContinue
        }
        $failure.FullyQualifiedErrorId | Should -Match ',Get-Vb365Token$'
    }

    It 'refuses an assertion as a header' {
        $failure = Get-Failure { Get-Vb365Token -Tenant $tenant -Want assertion -AsHeader }
        $failure.FullyQualifiedErrorId | Should -Be 'bad_request,Get-Vb365Token'
    }

    It 'tells when there is no program' {
        $before = $env:VB365_HELPER
        try {
            $env:VB365_HELPER = 'no-such-program'
            $failure = Get-Failure { Get-Vb365Token -Tenant $tenant }
        } finally {
            $env:VB365_HELPER = $before
        }
        $failure.FullyQualifiedErrorId | Should -Be 'helper_not_found,Get-Vb365Token'
    }
}

Describe 'Invoke-Vb365RestMethod' {
    BeforeAll {
        [void](Connect-Vb365 -Tenant $tenant -Timeout '00:01:00')
    }

    It 'answers objects' {
        (Invoke-Vb365RestMethod -Tenant $tenant -Path /v8/Organization).name | Should -BeExactly 'Abc.onmicrosoft.com'
    }

    It 'renews a token that the server refuses, once' {
        Send-Order 'expire?system=veeam'
        (Invoke-Vb365RestMethod -Tenant $tenant -Path /v8/Organization).isBackedup | Should -BeTrue
    }

    It 'tells the status of a refusal' {
        $call = @{ Tenant = $tenant; Path = '/v8/Nothing'; Method = 'POST'; Body = @{ a = 1 } }
        $failure = Get-Failure { Invoke-Vb365RestMethod @call }
        $failure.FullyQualifiedErrorId | Should -Be 'http_error,Invoke-Vb365RestMethod'
        $failure.Exception.Data['StatusCode'] | Should -Be 404
        $failure.Exception.Message | Should -Match 'POST .*/v8/Nothing'
    }

    It 'goes to the configured server alone' {
        foreach ($path in 'https://example.com/', '//example.com/', 'v8/Organization') {
            $failure = Get-Failure { Invoke-Vb365RestMethod -Tenant $tenant -Path $path }
            $failure.FullyQualifiedErrorId | Should -Be 'bad_request,Invoke-Vb365RestMethod'
        }
    }

    It 'believes no other certificate than the pinned one' -Skip:(-not $isTls) {
        $call = @{ Tenant = $tenant; Path = '/v8/Organization'; PinSha256 = 'ab' * 32 }
        $failure = Get-Failure { Invoke-Vb365RestMethod @call }
        $failure.FullyQualifiedErrorId | Should -Be 'untrusted_server,Invoke-Vb365RestMethod'
        $failure.ErrorDetails.RecommendedAction | Should -Match '--pin-sha256 [0-9a-f]{64}'
    }

    It 'shows no token in its words' {
        $words = Invoke-Vb365RestMethod -Tenant $tenant -Path /v8/Organization -Verbose 4>&1
        $words -join ' ' | Should -Not -Match 'veeam-access'
    }
}

Describe 'Get-Vb365Session' {
    It 'has local times' {
        $session = Get-Vb365Session -Tenant 'abc.*'
        $session.Servers[0].ExpiresAt | Should -BeOfType 'System.DateTime'
        $session.Servers[0].ExpiresAt | Should -BeGreaterThan (Get-Date)
        $session.RefreshExpiresAt.Kind | Should -Be 'Local'
    }

    It 'is empty for a tenant that is not there' {
        Get-Vb365Session -Tenant 'nobody.*' | Should -BeNullOrEmpty
    }
}

Describe 'Disconnect-Vb365' {
    It 'removes nothing with -WhatIf' {
        Disconnect-Vb365 -Tenant $tenant -WhatIf
        Disconnect-Vb365 -All -WhatIf
        Get-Vb365Session -Tenant $tenant | Should -Not -BeNullOrEmpty
    }

    It 'removes the access tokens, and then everything' {
        Disconnect-Vb365 -Tenant $tenant -AccessOnly
        (Get-Vb365Session -Tenant $tenant).State | Should -Be 'renewable'
        Get-Vb365Session -Tenant $tenant | Disconnect-Vb365
        Get-Vb365Session -Tenant $tenant | Should -BeNullOrEmpty
    }
}

Describe 'The module' {
    It 'exports what its manifest names, with help' {
        foreach ($command in Get-Command -Module Vb365Helper -CommandType Function) {
            (Get-Help $command.Name -Full).Synopsis | Should -Not -BeNullOrEmpty
        }
        (Test-ModuleManifest -Path "$PSScriptRoot/Vb365Helper/Vb365Helper.psd1").ExportedFunctions | Should -HaveCount 5
    }

    It 'quotes <Argument>' -ForEach $arguments {
        InModuleScope Vb365Helper -Parameters @{ Argument = $Argument } -ScriptBlock {
            ConvertTo-QuotedArgument -Argument $Argument
        } | Should -BeExactly $Quoted
    }

    It 'hands arguments over as they are' -Skip:(-not $isUnix) -ForEach @{ All = @($arguments.Argument) } {
        $shown = InModuleScope Vb365Helper -Parameters @{ All = $All } -ScriptBlock {
            $start = New-StartInfo -Path '/usr/bin/printf' -Arguments (@('[%s]') + $All)
            (Invoke-Process -Start $start).Output
        }
        $shown | Should -BeExactly (-join ($All | ForEach-Object { "[$_]" }))
    }
}
