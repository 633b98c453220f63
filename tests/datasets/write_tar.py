"""Writes the archives ustar.tar, gnu.tar and pax.tar into a folder."""

import io
import sys
import tarfile

SHORT = "folder/" * 12 + "n" * 90 + ".jpg"
LONG = "folder/" * 40 + "ä" * 80 + ".jpg"
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def add(archive, name, content=b"", type=tarfile.REGTYPE, linkname=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), type, linkname
    info.mtime = 1.5 if archive.format == tarfile.PAX_FORMAT else 1
    archive.addfile(info, io.BytesIO(content))


for name, format in FORMATS.items():
    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w", format=format) as archive:
        add(archive, "a", type=tarfile.DIRTYPE)
        add(archive, "a/b.c/0001.jpg", b"x" * 1300)
        add(archive, "link.jpg", type=tarfile.SYMTYPE, linkname="../../etc/passwd")
        add(archive, "hard.jpg", type=tarfile.LNKTYPE, linkname="a/b.c/0001.jpg")
        add(archive, "empty.cls")
        add(archive, SHORT, b"x" * 1300)
        if name != "ustar":
            add(archive, LONG, b"x" * 1300)
