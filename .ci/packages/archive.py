"""Packs FOLDER as ARCHIVE (.zip or .tar.gz) with the same bytes wherever it is done: sorted names, the commit's time
(SOURCE_DATE_EPOCH), no owner, and one mode for programs and one for files.

    archive.py FOLDER ARCHIVE
"""
import gzip
import os
import pathlib
import sys
import tarfile
import time
import zipfile

folder, archive = map(pathlib.Path, sys.argv[1:])
epoch = int(os.environ["SOURCE_DATE_EPOCH"])


def files():
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(folder.parent).as_posix(), 0o755 if os.access(path, os.X_OK) else 0o644


def pack_zip():
    with zipfile.ZipFile(archive, "w") as out:
        for path, name, mode in files():
            entry = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            out.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def pack_tar():
    with archive.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, epoch) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as out:
            for path, name, mode in files():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = path.stat().st_size, mode, epoch
                with path.open("rb") as content:
                    out.addfile(entry, content)


pack_zip() if archive.suffix == ".zip" else pack_tar()
