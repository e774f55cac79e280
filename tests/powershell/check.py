"""Reads the PowerShell module with a real parser and reports what Windows PowerShell 5.1 or strict mode
would stumble over, since neither may be on the machine: `check.py MODULE_DIRECTORY SCRIPT...`.
The grammar is that of PowerShell 5.1: what only PowerShell 7 has is a syntax error in it, or named here."""

import pathlib
import re
import sys

import tree_sitter
import tree_sitter_powershell

WIDEST = 120
LONGEST = 40

# Every command that may be called, with those of its parameters that may be given, as 5.1 has them.
CMDLETS = {
    "Add-Type": "LiteralPath Path IgnoreWarnings",
    "ConvertFrom-Json": "InputObject",
    "ConvertTo-Json": "InputObject Compress Depth",
    "Export-ModuleMember": "Function",
    "Get-Command": "Name CommandType ErrorAction",
    "Join-Path": "Path ChildPath",
    "New-Object": "TypeName ArgumentList",
    "Select-Object": "First",
    "Set-StrictMode": "Version",
    "Where-Object": "",
    "Write-Debug": "Message",
}
# What the tests call beside it: Pester 5, and the cmdlets around it.
TESTING = {
    "AfterAll": "",
    "BeforeAll": "",
    "BeforeDiscovery": "",
    "Context": "Skip",
    "Describe": "Skip",
    "ForEach-Object": "",
    "Get-Command": "Module CommandType",
    "Get-Content": "LiteralPath Raw TotalCount",
    "Get-Date": "",
    "Get-Help": "Full",
    "Import-Module": "Name Force",
    "Invoke-RestMethod": "Uri Method Body ContentType TimeoutSec UseBasicParsing",
    "InModuleScope": "Parameters ScriptBlock",
    "It": "ForEach Skip",
    "New-Item": "ItemType Path Force",
    "Out-Null": "",
    "Remove-Item": "LiteralPath",
    "Set-Content": "LiteralPath Value",
    "Should": "Be BeExactly BeGreaterThan BeLessThan BeNullOrEmpty BeOfType BeTrue Because Contain HaveCount Match Not"
    " Throw BeFalse",
    "Test-ModuleManifest": "Path",
    "Write-Output": "",
}
COMMON = "ErrorAction ErrorVariable WarningAction WarningVariable Verbose Debug WhatIf Confirm".split()

AUTOMATIC = {
    "_", "true", "false", "null", "pscmdlet", "psboundparameters", "psscriptroot", "psversiontable", "matches",
    "erroractionpreference", "lastexitcode",
}
# Types of both editions.
TYPES = {
    "bool", "byte", "char", "datetime", "hashtable", "int", "long", "object", "ordered", "pscustomobject", "regex",
    "string", "switch", "timespan", "type", "uri", "version", "void", "scriptblock", "array", "convert", "environment", "math",
    "system.collections.idictionary",
    "system.console",
    "system.diagnostics.process",
    "system.diagnostics.processstartinfo",
    "system.diagnostics.stopwatch",
    "system.exception",
    "system.globalization.cultureinfo",
    "system.globalization.datetimestyles",
    "system.invalidoperationexception",
    "system.io.file",
    "system.io.memorystream",
    "system.io.path",
    "system.io.streamreader",
    "system.management.automation.errordetails",
    "system.management.automation.errorrecord",
    "system.management.automation.pscmdlet",
    "system.net.httpwebrequest",
    "system.net.networkcredential",
    "system.net.securityprotocoltype",
    "system.net.servicepointmanager",
    "system.net.webexception",
    "system.net.webrequest",
    "system.security.cryptography.x509certificates.x509certificate2",
    "system.security.securestring",
    "system.text.encoding",
    "system.text.utf8encoding",
    "system.threading.tasks.task",
    "system.timeoutexception",
}
# Members that only .NET (Core) has, and those that switch a check off.
MEMBERS = {
    "argumentlist", "standardinputencoding", "certificatepolicy", "servercertificatecustomvalidationcallback",
    "dangerousacceptanyservercertificatevalidator", "customtruststore", "trustmode",
}

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


class Source:
    """One file, its tree, and what is wrong with it."""

    def __init__(self, path):
        self.path = path
        self.bytes = path.read_bytes()
        self.root = PARSER.parse(self.bytes).root_node
        self.findings = []

    def report(self, node, words):
        self.findings.append(f"{self.path.name}:{node.start_point[0] + 1}: {words}")

    def text(self, node):
        return self.bytes[node.start_byte : node.end_byte].decode("utf-8", "replace")


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def of_type(node, *types):
    return [found for found in walk(node) if found.type in types]


def check_text(source):
    for number, line in enumerate(source.bytes.decode("utf-8", "replace").split("\n"), 1):
        at = f"{source.path.name}:{number}"
        if not line.isascii() or "\t" in line or line != line.rstrip():
            source.findings.append(f"{at}: not plain ASCII, a tab, or white space at the end")
        if len(line) > WIDEST:
            source.findings.append(f"{at}: wider than {WIDEST}")


def check_syntax(source):
    for node in walk(source.root):
        if node.is_missing:
            source.report(node, f"syntax error: {node.type} is missing")
        elif node.type == "ERROR":
            source.report(node, f"syntax error at {source.text(node)[:40]!r}")
        elif node.type == "pipeline_chain_tail":
            source.report(node, "&& and || are newer than 5.1")
        elif node.type == "try_statement" and not of_type(node, "catch_clauses", "finally_clause"):
            source.report(node, "try without catch or finally")


def name_of(source, variable):
    return source.text(variable).lstrip("$@").strip("{}").lower()


class Function:
    """A function with its parameters, as they are written."""

    def __init__(self, source, node):
        self.node = node
        self.name = next(source.text(child) for child in node.children if child.type == "function_name")
        block = next((child for child in node.children if child.type == "script_block"), node)
        params = next((child for child in block.children if child.type == "param_block"), None)
        self.params = []
        if params:
            for parameter in of_type(params, "script_parameter"):
                own = next(child for child in parameter.children if child.type == "variable")
                self.params.append(source.text(own)[1:])
        self.is_advanced = bool(params) and "CmdletBinding" in source.text(params)
        comments = [source.text(child) for child in node.children if child.type == "comment"]
        self.help = next((comment for comment in comments if comment.startswith("<#")), "")
        begin = params.end_point[0] if params else node.start_point[0]
        self.lines = node.end_point[0] - begin - 1


def functions(source):
    return [Function(source, node) for node in of_type(source.root, "function_statement")]


def check_commands(source, own, cmdlets, is_script=False):
    own = {function.name.lower(): function for function in own}
    known = {name.lower(): parameters.lower().split() for name, parameters in cmdlets.items()}
    for command in of_type(source.root, "command"):
        named = next((child for child in command.children if child.type == "command_name"), None)
        if named is None:
            if not is_script:
                source.report(command, "a command is called by an operator")
            continue
        name = source.text(named).lower()
        elements = next((child for child in command.children if child.type == "command_elements"), None)
        children = elements.children if elements else []
        given = [source.text(child)[1:].rstrip(":").lower() for child in children if child.type == "command_parameter"]
        if name in own:
            function = own[name]
            allowed = [parameter.lower() for parameter in function.params]
            allowed += [parameter.lower() for parameter in COMMON] if function.is_advanced else []
            values = [child for child in children if child.type not in ("command_parameter", "command_argument_sep")]
            # Without CmdletBinding, what has no parameter is dropped in silence.
            if not is_script and not function.is_advanced and len(values) > len(given):
                source.report(command, f"{function.name} is given a value without a parameter")
        elif name in known:
            allowed = known[name]
        else:
            source.report(command, f"{source.text(named)} is none of the commands that are known to be in 5.1")
            continue
        for parameter in given:
            if parameter not in allowed:
                source.report(command, f"{source.text(named)} has no parameter -{parameter}, or none in 5.1")


def assigned(source, scope):
    """Names that get a value somewhere in `scope`: parameters, assignments and loops."""
    names = set()
    for parameter in of_type(scope, "script_parameter"):
        names.update(name_of(source, child) for child in parameter.children if child.type == "variable")
    for loop in of_type(scope, "foreach_statement"):
        names.update(name_of(source, child) for child in loop.children if child.type == "variable")
    for target in of_type(scope, "left_assignment_expression"):
        # What is assigned to a member or an element needs a value before.
        inside = {found.id for part in of_type(target, "member_access", "element_access") for found in walk(part)}
        found = of_type(target, "variable")
        names.update(name_of(source, variable) for variable in found if variable.id not in inside)
    return names


def keys(source):
    """Keys of hashtables, which Pester makes variables of."""
    return {source.text(key).strip().lower() for key in of_type(source.root, "key_expression")}


def check_variables(source, own, is_script):
    """In strict mode a variable that was never assigned is an error."""
    top = assigned(source, source.root) | (keys(source) if is_script else set())
    for scope in [source.root] if is_script else [function.node for function in own]:
        local = top if is_script else assigned(source, scope)
        for variable in of_type(scope, "variable"):
            name = name_of(source, variable)
            if name.startswith("env:"):
                continue
            if name.startswith("script:"):
                if name not in top:
                    source.report(variable, f"${name} is never assigned")
            elif name not in local | AUTOMATIC:
                source.report(variable, f"${name} is never assigned here")


def check_types(source):
    for literal in of_type(source.root, "type_literal"):
        name = re.sub(r"(\[\])+$", "", source.text(literal)[1:-1]).lower()
        if name not in TYPES:
            source.report(literal, f"[{name}] is none of the types that are known to be in both editions")
    for member in of_type(source.root, "member_name"):
        name = source.text(member).lower()
        if name in MEMBERS:
            source.report(member, f"{name} is not in 5.1, or switches a check off")


def check_trust(source):
    """A certificate is judged by the compiled rule alone."""
    for cast in of_type(source.root, "cast_expression"):
        if of_type(cast.children[-1], "script_block_expression"):
            source.report(cast, "a script block as a delegate, which has no runspace on a foreign thread")
    for assignment in of_type(source.root, "assignment_expression"):
        left, right = source.text(assignment.children[0]), source.text(assignment.children[-1])
        if "validationcallback" in left.lower() and not re.fullmatch(r"\$\w+\.Callback", right):
            source.report(assignment, "a certificate is judged by something else than the rule")
        # A connection that is kept open is not judged again.
        if "validationcallback" in left.lower():
            name = left.split(".")[0] + ".ConnectionGroupName = " + right.split(".")[0] + ".Name"
            if name not in source.text(source.root):
                source.report(assignment, "connections are shared with other rules")
    uses = re.finditer(r"ServicePointManager\]::(\w+)", source.bytes.decode("utf-8", "replace"))
    for use in uses:
        if use.group(1) != "SecurityProtocol":
            source.report(source.root, f"ServicePointManager::{use.group(1)} is the whole session's")


def sections(text):
    """The sections of a comment-based help: keyword, argument and content."""
    parts = re.split(r"^\s*\.([A-Z]+)[ ]*([^\n]*)$", text.strip("<#> \n"), flags=re.MULTILINE)
    return [(parts[i], parts[i + 1].strip(), parts[i + 2].strip()) for i in range(1, len(parts) - 1, 3)]


def check_help(source, function):
    told = sections(function.help)
    for keyword in ("SYNOPSIS", "DESCRIPTION", "EXAMPLE"):
        if not any(key == keyword and content for key, _, content in told):
            source.report(function.node, f"{function.name} has no .{keyword}")
    explained = [argument for key, argument, content in told if key == "PARAMETER" and content]
    if explained != function.params:
        source.report(function.node, f"{function.name} explains {explained}, and has {function.params}")


def strings(source, node):
    return [source.text(found)[1:-1] for found in of_type(node, "string_literal")]


def manifest(source):
    entries = {}
    for entry in of_type(source.root, "hash_entry"):
        key = next(child for child in entry.children if child.type == "key_expression")
        entries.setdefault(source.text(key).strip(), strings(source, entry))
    return entries


def check_module(directory):
    data, module = Source(directory / "Vb365Helper.psd1"), Source(directory / "Vb365Helper.psm1")
    own = functions(module)
    for source in (data, module):
        check_text(source)
        check_syntax(source)
    check_commands(module, own, CMDLETS)
    check_variables(module, own, False)
    check_types(module)
    check_trust(module)

    entries = manifest(data)
    exported = next((node for node in of_type(module.root, "command") if "Export-ModuleMember" in module.text(node)), None)
    public = sorted(strings(module, exported)) if exported else []
    if public != sorted(entries.get("FunctionsToExport", [])):
        data.report(data.root, f"the manifest exports {entries.get('FunctionsToExport')}, the module {public}")
    if not set(public) <= {function.name for function in own}:
        module.report(module.root, f"not every function of {public} is there")
    if public != sorted(function.name for function in own if "Vb365" in function.name):
        module.report(module.root, "a function with Vb365 in its name is not exported, or one without is")
    if entries.get("PowerShellVersion") != ["5.1"] or entries.get("CompatiblePSEditions") != ["Desktop", "Core"]:
        data.report(data.root, "the manifest does not say Desktop and Core from 5.1 on")
    files = {path.name for path in directory.iterdir()}
    if entries.get("RootModule") != [module.path.name] or set(entries.get("FileList", [])) != files:
        data.report(data.root, f"the manifest names {entries.get('FileList')}, and there are {sorted(files)}")
    for function in own:
        if function.name in public:
            check_help(module, function)
        if function.lines > LONGEST:
            module.report(function.node, f"{function.name} has {function.lines} lines, more than {LONGEST}")
    return [data, module], own


def check_script(path, own):
    script = Source(path)
    check_text(script)
    check_syntax(script)
    check_commands(script, functions(script) + own, CMDLETS | TESTING, True)
    check_variables(script, [], True)
    check_types(script)
    return script


def main():
    sources, own = check_module(pathlib.Path(sys.argv[1]))
    sources += [check_script(pathlib.Path(path), own) for path in sys.argv[2:]]
    findings = [finding for source in sources for finding in source.findings]
    print("\n".join(findings) or f"{len(sources)} files with {len(own)} functions are as they should be")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
