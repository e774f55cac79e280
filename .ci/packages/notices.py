"""Prints the licences of every crate that is a part of the program for the TARGETs: their authors ask that
the texts go where the binary goes. A text that several crates share is printed once.

    notices.py TARGET...
"""
import json
import pathlib
import re
import subprocess
import sys

TEXTS = re.compile(r"(UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE", re.IGNORECASE)


def crates(target):
    """What is linked for the target: normal dependencies, from the program downwards."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    seen, todo = {root}, [root]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    return {(p["name"], p["version"]): p for p in map(packages.get, seen - {root})}


found = {}
for target in sys.argv[1:]:
    found.update(crates(target))

sharing = {}
print("This program contains the crates below, and the standard library of Rust (MIT or Apache-2.0);")
print("the static binary contains musl (MIT) as well. The texts follow.\n")
for (name, version), package in sorted(found.items()):
    print(f"{name} {version}: {package['license'] or 'see the text'}")
    folder = pathlib.Path(package["manifest_path"]).parent
    # What a crate brings in another language has a licence of its own.
    for path in sorted([*folder.iterdir(), *folder.glob("vendor/*/*")]):
        if path.is_file() and TEXTS.match(path.name) and path.suffix not in (".rs", ".py"):
            sharing.setdefault(path.read_text("utf-8").strip(), []).append(f"{name} {version}")
for text, names in sorted(sharing.items(), key=lambda item: item[1]):
    print("\n" + "-" * 80 + "\n" + ", ".join(dict.fromkeys(names)) + "\n\n" + text)
