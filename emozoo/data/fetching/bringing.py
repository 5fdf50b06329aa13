"""A file comes by HTTP: whole, checked, and from where an earlier try stopped. No token is sent.

What is not yet whole is in a file that ends in .part; beside it is a note that says of which state of the remote file it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emozoo.data.download import RemoteFile, is_safe_address
from emozoo.errors import FULL, EmozooError, lacks_room
from emozoo.hub.errors import LONGEST_WAIT, WAITS, asked_to_wait, may_pass, proxies
from emozoo.paths import sync
from emozoo.text import shown
from emozoo.version import version

PART = ".part"
SILENCE = 30.0
"""Seconds without a byte after which an answer is given up."""
LARGEST_LISTING = 64 * 2**20
Advance = Callable[[int], None]
"""Takes the bytes that came; negative where they are thrown away."""


class Stopped(Exception):
    """Another file failed, or the user interrupts."""


class _StartOver(Exception):
    """What is there cannot be continued."""


class _Broken(Exception):
    """The connection ended before the file did."""


def bring(file: RemoteFile, target: Path, page: str, advance: Advance, stop: threading.Event) -> str:
    """Puts the file at `target` and returns its sha256. `page` is where to download it by hand.

    Raises EmozooError where it cannot be had, or is not what its source says; Stopped where `stop` is set.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file():
        digest = _checked(target, file)
        if digest:
            advance(target.stat().st_size)
            return digest
        target.unlink()
    part = target.with_name(target.name + PART)
    for last in (False, True):
        _whole(file, part, page, advance, stop)
        if digest := _checked(part, file):
            sync(part)
            part.replace(target)
            _forget(part, keep=True)
            return digest
        advance(-_size(part))
        size, found = _size(part), _hash(part, file.checksum.partition(":")[0] or "sha256")
        _forget(part)
        if last:
            expected = file.checksum or f"{file.size:,} bytes"
            came = found if file.checksum else f"{size:,} bytes"
            raise EmozooError(
                f"{shown(file.name)[1:-1]} is not what its source says: {expected} were announced, {came} came; "
                f"try again later, or download it by hand from {page}"
            )
    raise AssertionError


def read_listing(address: str, page: str) -> Any:
    """The JSON at an address. Raises EmozooError."""
    body = bytearray()
    for wait in (*WAITS, None):
        body.clear()
        try:
            with _answer(address, {}, page, html=True) as answer:
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > LARGEST_LISTING:
                        raise EmozooError(
                            f"{_host(address)} answers with an endless list: download by hand from {page}"
                        )
            return json.loads(body)
        except EmozooError:
            raise
        except ValueError as error:
            raise EmozooError(
                f"{address} does not answer with a list of files: download by hand from {page}"
            ) from error
        except Exception as error:  # noqa: BLE001 - the library's errors have other classes in other versions
            _wait_or_raise(error, wait, address, page)
    raise AssertionError


def _whole(file: RemoteFile, part: Path, page: str, advance: Advance, stop: threading.Event) -> None:
    """Fills the part until the file ends. Tries again where that may help, and as long as more comes than before."""
    furthest = _size(part)
    advance(furthest)
    waits = iter((*WAITS, None))
    while True:
        try:
            return _continue(file, part, page, advance, stop)
        except _StartOver:
            advance(-_size(part))
            _forget(part)
        except (EmozooError, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 - the library's errors have other classes in other versions
            if lacks_room(error):
                raise EmozooError(f"cannot write {part}: {FULL}") from error
            if _size(part) > furthest:
                furthest, waits = _size(part), iter((*WAITS, None))
            _wait_or_raise(error, next(waits), file.address, page, stop)


def _continue(file: RemoteFile, part: Path, page: str, advance: Advance, stop: threading.Event) -> None:
    """One request, for what is missing of the file."""
    had, note = _size(part), _read_note(part)
    if had and (note.get("address") != file.address or not note.get("mark") and not file.checksum):
        raise _StartOver
    if had and file.size is not None and had >= file.size:
        return
    headers = {"Range": f"bytes={had}-"} if had else {}
    if had and note.get("mark"):
        headers["If-Range"] = note["mark"]
    with _answer(file.address, headers, page) as answer:
        if answer.status_code == 416:
            if had and _total(answer) == had:
                return
            if had:
                raise _StartOver
            raise EmozooError(f"{_host(file.address)} refuses the request (416): download by hand from {page}")
        encoded = answer.headers.get("content-encoding", "identity").lower() != "identity"
        if had and answer.status_code == 206:
            if encoded or _first(answer) != had or note.get("mark") and _mark(answer) not in ("", note["mark"]):
                raise _StartOver
            whole = _total(answer)
        else:
            if had:  # all of it comes anew: the file has changed, or its source knows no Range
                advance(-had)
            part.write_bytes(b"")
            had = 0
            length = answer.headers.get("content-length", "")
            whole = int(length) if length.isdecimal() and not encoded else None
            mark = "" if encoded else _mark(answer)
            _note(part).write_text(json.dumps({"address": file.address, "mark": mark}), encoding="utf-8")
        chunks = answer.iter_bytes() if encoded else answer.iter_raw()
        with open(part, "ab") as out:
            for chunk in chunks:
                if stop.is_set():
                    raise Stopped
                out.write(chunk)
                advance(len(chunk))
                if file.size is not None and out.tell() > file.size:
                    break  # the check says so
        if encoded:
            return
    if _size(part) < (whole if whole is not None else file.size or 0):
        raise _Broken


@contextmanager
def _answer(address: str, headers: dict[str, str], page: str, html: bool = False) -> Iterator[Any]:
    """The answer to a request, as a stream. Raises EmozooError for one that a second try would not change."""
    from huggingface_hub import get_session

    sent = {"Accept-Encoding": "identity", "User-Agent": f"emozoo/{version()}", **headers}
    # The library is httpx or its successor. Proxies are those that the environment names.
    with get_session().stream("GET", address, headers=sent, follow_redirects=True, timeout=SILENCE) as answer:
        for each in (*answer.history, answer):
            if not is_safe_address(str(each.url)):
                raise EmozooError(
                    f"{_host(address)} leads to an address without encryption, {_host(str(each.url))}: download by hand "
                    f"from {page}"
                )
        status = answer.status_code
        if status in (401, 403):
            raise EmozooError(
                f"{_host(address)} does not give the file to everybody ({status}): download by hand from {page}"
            )
        if status in (404, 410):
            raise EmozooError(f"{address} is not there any more ({status}): download by hand from {page}")
        if status != 416:
            answer.raise_for_status()
        kind = answer.headers.get("content-type", "").lower()
        if kind.startswith("text/html") and not html:
            raise EmozooError(
                f"{_host(address)} answers with a web page, such as a login, in place of the file: "
                f"download by hand from {page}"
            )
        yield answer


def _wait_or_raise(
    error: Exception, wait: float | None, address: str, page: str, stop: threading.Event | None = None
) -> None:
    """Waits before another try. Raises EmozooError where none is left, or would not help."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    response = getattr(error, "response", None)
    helps = may_pass(error) or response is None and "HTTPError" in kinds or isinstance(error, _Broken | ConnectionError)
    asked = asked_to_wait(error)
    if wait is None or not helps or asked > LONGEST_WAIT:
        raise EmozooError(f"{_trouble(error, kinds, address)}; or download by hand from {page}") from error
    if stop is None:
        time.sleep(max(wait, asked))
    elif stop.wait(max(wait, asked)):
        raise Stopped


def _trouble(error: Exception, kinds: set[str], address: str) -> str:
    """What went wrong, made of an error's kind and status alone, for the library's own texts may hold signed addresses."""
    host = _host(address)
    status = getattr(getattr(error, "response", None), "status_code", None)
    again = "what came is kept, so try again later"
    if status == 429:
        wait = asked_to_wait(error)
        return (
            f"{host} asks to slow down (429, too many requests): try again {f'in {wait} seconds' if wait else 'later'}"
        )
    if status is not None:
        return f"{host} has a problem of its own (status {status}): {again}"
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE is set: unset it to download"
    if isinstance(error, _Broken) or "ProtocolError" in " ".join(kinds):
        return f"the connection to {host} breaks off each time: {again}"
    if any("Timeout" in kind for kind in kinds):
        return f"no answer from {host} in time: {again}"
    if "HTTPError" in kinds or isinstance(error, ConnectionError):
        through = f" through the proxy that {proxies()} names" if proxies() else ""
        return f"there is no network, or {host} cannot be reached{through}: try again later"
    return f"the download from {host} failed ({type(error).__name__}): {again}"


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _host(address: str) -> str:
    return urlsplit(address).hostname or address


def _mark(answer: Any) -> str:
    """What names the state of the remote file: its ETag, unless that is a weak one, or when it was changed."""
    tag = str(answer.headers.get("etag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("last-modified", ""))


def _first(answer: Any) -> int | None:
    found = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _total(answer: Any) -> int | None:
    found = re.search(r"/(\d+)$", answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        return note if isinstance(note, dict) else {}
    return {}


def _forget(part: Path, keep: bool = False) -> None:
    with suppress(OSError):
        _note(part).unlink()
    if not keep:
        with suppress(OSError):
            part.unlink()


def _checked(path: Path, file: RemoteFile) -> str:
    """The sha256 of a file that has the size and the checksum that its source says; "" for another."""
    if file.size is not None and path.stat().st_size != file.size:
        return ""
    kind, _, expected = file.checksum.partition(":")
    if kind and kind != "sha256" and _hash(path, kind) != f"{kind}:{expected}":
        return ""
    digest = _hash(path, "sha256")
    return "" if kind == "sha256" and digest != file.checksum else digest


def _hash(path: Path, kind: str) -> str:
    with open(path, "rb") as data:
        return f"{kind}:{hashlib.file_digest(data, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()}"
