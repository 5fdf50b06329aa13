"""Finds media files by their names, and says of a file that cannot be read what it is, by its first bytes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from emozoo.errors import EmozooError
from emozoo.paths import user_path

MEDIA_SUFFIXES = frozenset({
    ".wav", ".wave", ".bwf", ".w64", ".rf64", ".au", ".snd", ".aif", ".aiff", ".aifc", ".caf", ".sph", ".voc",
    ".flac", ".wv", ".ape", ".tta", ".mp1", ".mp2", ".mp3", ".mpga", ".aac", ".adts", ".ac3", ".eac3", ".amr", ".awb",
    ".ogg", ".oga", ".ogx", ".opus", ".spx", ".wma", ".m4a", ".m4b", ".m4r", ".mka", ".weba", ".3ga",
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3gpp", ".3g2", ".f4v", ".avi", ".divx", ".mkv", ".webm", ".ogv", ".wmv",
    ".asf", ".flv", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts",
})  # fmt: skip
"""For which a folder is searched. A file that is given itself is read whatever its name."""
_READ = {
    b"RIFF": "WAV or AVI", b"RIFX": "WAV", b"RF64": "WAV", b"riff": "Wave64", b"fLaC": "FLAC", b"OggS": "Ogg",
    b"FORM": "AIFF", b"caff": "CAF", b".snd": "AU", b"NIST_1A": "NIST SPHERE", b"Creative Voice File": "VOC",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM", b"ID3": "MP3", b"#!AMR": "AMR", b"FLV\1": "FLV",
    b"\0\0\1\xba": "MPEG", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "WMA or WMV", b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio", b"TTA1": "True Audio",
}  # fmt: skip
_NOT_READ = {
    b"#!SILK": "a SILK voice message", b"\2#!SILK": "a SILK voice message", b".RMF": "a RealMedia file",
    b".ra\xfd": "a RealAudio file", b"MPCK": "a Musepack file", b"MP+": "a Musepack file", b"ajkg": "a Shorten file",
    b"DSD ": "a DSD file", b"FRM8": "a DSD file", b"tBaK": "a TAK file", b"OFR ": "an OptimFROG file",
    b"MThd": "a MIDI file, which holds notes and no sound", b"\x7f\xfe\x80\x01": "a DTS file", b"DKIF": "an IVF file",
    b"\x06\x0e\x2b\x34": "an MXF file", b"\xb7\xd8\x00\x20": "a WTV recording",
}  # fmt: skip
"""The first bytes of formats that emozoo reads, and of formats that it does not read."""


Warn = Callable[[str], None]
"""Takes a sentence, without the file's name, on what is wrong with a file that is answered all the same."""


def ignore(sentence: str) -> None:
    """Takes a warning and tells nobody."""


def existing_file(path: str | Path) -> str:
    """The absolute path of a file that is there and not empty: never a URL or an option to ffmpeg."""
    name = str(user_path(path))
    if not os.path.exists(name):
        if "://" in str(path):
            raise _elsewhere(str(path))
        raise EmozooError(f"{path} does not exist: check the path")
    if not os.path.isfile(name):
        raise EmozooError(f"{path} is not a file: name a sound or video file")
    if not os.access(name, os.R_OK):
        raise EmozooError(f"{path} may not be read: check its permissions")
    if os.path.getsize(name) == 0:
        raise EmozooError(f"{path} is empty: name a sound or video file")
    return name


def _elsewhere(address: str) -> EmozooError:
    return EmozooError(f"{address} is not on this machine: predict and embed read addresses with --output FOLDER/")


def unknown_size(size: int) -> bool:
    """Whether a header's size says nothing. Programs that write into a pipe leave 0, about 2 or 4 GiB, or all bits set."""
    return size == 0 or 0x7FFFF000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0x100000000 or size >= 2**62


def unreadable(path: str | Path) -> EmozooError:
    """The error for a file that no decoder opens, as far as its first bytes tell."""
    with open(user_path(path), "rb") as file:
        head = file.read(64)
    if head.startswith(b"version https://git-lfs"):
        return EmozooError(f"{path} is a pointer of Git LFS in place of the file: run git lfs pull in its folder")
    for begin, kind in _NOT_READ.items():
        if head.startswith(begin):
            return EmozooError(f"{path} is {kind}, which emozoo does not read: convert it to WAV or MP4")
    kinds = [kind for begin, kind in _READ.items() if head.startswith(begin)]
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        kinds = ["MP4 or MOV"]
    if kinds:
        return EmozooError(f"{path} is {kinds[0]}, but damaged or cut off: copy or convert it again")
    return EmozooError(f"{path} is not a sound or video file that can be read, or is damaged or cut off")


def find_files(names: Iterable[str], *, warn: Callable[[str], None] = ignore) -> list[str]:
    """The files that names, folders (searched for media, hidden files left out) and glob patterns stand for.

    `warn` is told how many files of a folder are no media by their names. Raises EmozooError for a folder without media or
    a pattern that matches nothing, or is an address; a plain name is passed on as it is.
    """
    found: list[str] = []
    for name in names:
        path = user_path(name)
        if path.is_dir():
            found += _in_folder(name, warn)
        elif not path.exists() and glob.has_magic(name):
            if "://" in name:
                raise _elsewhere(name)
            pattern = whole_names(str(path) if name.startswith("~") else name)
            matches = sorted(match for match in glob.glob(pattern, recursive=True) if Path(match).is_file())
            if not matches:
                raise EmozooError(f"no file matches {name}")
            found += matches
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def whole_names(pattern: str) -> str:
    """`**` stands for folders, and `**.wav` for `**/*.wav`: the files of all folders below that end so."""
    return re.sub(r"(^|/)\*\*(?=[^/*])", r"\1**/*", pattern)


def _in_folder(folder: str, warn: Callable[[str], None]) -> list[str]:
    place = user_path(folder)
    files = [each for each in place.rglob("*") if not each.name.startswith(".") and each.is_file()]
    media = sorted(
        str(Path(folder, each.relative_to(place))) for each in files if each.suffix.lower() in MEDIA_SUFFIXES
    )
    if not media:
        raise EmozooError(f"no media files in the folder {folder}")
    if others := len(files) - len(media):
        files_are, were = ("1 file in {} is", "was") if others == 1 else (f"{others} files in {{}} are", "were")
        warn(f"{files_are.format(folder)} no sound or video and {were} passed over")
    return media
