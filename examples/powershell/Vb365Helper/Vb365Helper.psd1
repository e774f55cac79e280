# What PowerShell reads before it loads Vb365Helper.psm1.
@{
    RootModule           = 'Vb365Helper.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '0b1c1d2e-6a4f-4c53-9d3b-7f5f2f0e8a65'
    Author               = 'The authors of vb365-helper'
    CompanyName          = 'Unknown'
    Copyright            = 'MIT OR Apache-2.0'
    Description          = 'Calls the REST API of Veeam Backup for Microsoft 365 with tokens of vb365-helper.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @(
        'Connect-Vb365'
        'Disconnect-Vb365'
        'Get-Vb365Session'
        'Get-Vb365Token'
        'Invoke-Vb365RestMethod'
    )
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    FileList             = @('Vb365Helper.psd1', 'Vb365Helper.psm1', 'CertificateRule.cs')
    PrivateData          = @{
        PSData = @{
            Tags = @('Veeam', 'VB365', 'Microsoft365', 'OAuth', 'REST')
        }
    }
}
