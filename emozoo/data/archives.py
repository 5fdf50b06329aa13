"""Advice on archives that lie where a corpus was expected. Nothing is unpacked here."""

from __future__ import annotations

import shlex
from pathlib import Path

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".gz")


def advice(data_dir: Path) -> str:
    """How to unpack the archive at `data_dir`, or those in that folder, as words to append; "" for none."""
    if data_dir.is_file():
        found = [data_dir] if _is_archive(data_dir) else []
        target = data_dir.parent
    else:
        try:
            found = sorted(path for path in data_dir.iterdir() if _is_archive(path))
        except OSError:
            found = []
        target = data_dir
    if not found:
        return ""
    first = found[0]
    name = first.name.lower()
    if name.endswith(".zip"):
        words = ["unzip", str(first), "-d", str(target)]
    elif ".tar" in name or name.endswith(".tgz"):
        words = ["tar", "-xf", str(first), "-C", str(target)]
    else:
        words = []
    command = f" with {shlex.join(words)}" if words else ""
    if data_dir.is_file():
        return f"; {first.name} is an archive: unpack it{command}, and name the folder {target}"
    what = f"{first.name}, an archive" if len(found) == 1 else f"{first.name} and {len(found) - 1} more archives"
    return f"; {data_dir} holds {what}: unpack {'it' if len(found) == 1 else 'each'}{command}"


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and path.is_file()
