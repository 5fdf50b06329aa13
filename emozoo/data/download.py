"""What a dataset says about its download: where its files are, and the terms of those who publish it. Nothing is downloaded
here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that are asked without encryption: this machine."""
CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a corpus, and where it is."""

    address: str
    name: str
    """Where it goes in the corpus' folder, such as `AudioWAV/1001_DFA_ANG_XX.wav`."""
    size: int | None = None
    """Bytes; None: unknown."""
    checksum: str = ""
    """`md5:...` or `sha256:...`, as its source publishes it; empty: it publishes none."""
    unpack: bool = False
    """Whether it is a zip or tar archive, which is unpacked and then removed."""


@dataclass(frozen=True)
class Listing:
    """An address that answers with JSON in which the files are named."""

    address: str
    read: Callable[[Any], Sequence[RemoteFile]]
    """The files that the parsed JSON names. Raises EmozooError, or KeyError, TypeError or ValueError, for another answer."""


@dataclass(frozen=True)
class Download:
    """Where the files of a corpus are, and on which terms. One of `files`, `listing` and `hub` says where."""

    page: str
    """The page of the corpus, where it can also be downloaded by hand."""
    licence: str
    """The name of its licence, and what is uncertain about it."""
    terms: str
    """The address of the licence, or of the page that states the terms."""
    commercial: bool | None = None
    """Whether the terms allow commercial use; None: they do not say."""
    files: tuple[RemoteFile, ...] = ()
    listing: Listing | None = None
    hub: str = ""
    """`user/name[@revision]` of a dataset of the Hugging Face Hub."""
    patterns: tuple[str, ...] = ("*",)
    """Which files of the Hub's dataset."""
    prepare: Callable[[Path], Iterable[Path]] | None = None
    """`prepare(folder)` makes what the builder reads of the files that came, and gives those that are not needed after that.
    After an interruption it runs again."""
    size: int = 0
    """About how many bytes come; 0: unknown."""


def is_safe_address(address: str) -> bool:
    """Whether an address is https, or of this machine."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) or parts.scheme == "http" and parts.hostname in LOOPBACK
    except ValueError:
        return False


def is_safe_name(name: str) -> bool:
    """Whether a name leads to a file below the folder that it is joined to, on any system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return (
        bool(parts)
        and not name.startswith(("/", "\\"))
        and not any(part in (".", "..") or ":" in part or "\0" in part for part in parts)
    )


def file_problem(file: object) -> str | None:
    """What is wrong with a file that a dataset or its listing names; None for nothing."""
    if not isinstance(file, RemoteFile):
        return f"a {type(file).__name__} in place of a RemoteFile"
    if not is_safe_address(file.address):
        return f"the address {file.address[:80]!r} is not https"
    if not is_safe_name(file.name):
        return f"the file name {file.name[:80]!r} leads out of the folder"
    if file.checksum and not CHECKSUM.fullmatch(file.checksum):
        return f"the checksum {file.checksum[:80]!r} is neither md5:... nor sha256:..."
    return None


def download_problem(download: object) -> str | None:
    """The first way in which a download breaks the contract, as a sentence; None if it keeps it."""
    if not isinstance(download, Download):
        return f"download is a {type(download).__name__}, not an emozoo.data.corpus.Download"
    if sum(map(bool, (download.files, download.listing, download.hub))) != 1:
        return "download says in none or several of files, listing and hub where the files are"
    if not download.licence or "\n" in download.licence:
        return "download names no licence in one line"
    addresses = [download.page, download.terms, *([download.listing.address] if download.listing else [])]
    if wrong := [each for each in addresses if not is_safe_address(each)]:
        return f"download has the address {wrong[0][:80]!r}, which is not https"
    problems = [problem for each in download.files if (problem := file_problem(each))]
    return f"download: {problems[0]}" if problems else None
