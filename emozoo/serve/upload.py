"""The body of a request: a form with files and options, within limits.

Files are kept in memory, or beyond a megabyte in a temporary file without a name. What a client calls a file is a name in
the answer and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from emozoo.serve.limits import Limits
from emozoo.serve.refusal import Refused
from emozoo.text import printable

FILES = "files"
MOST_FIELDS = 32
FIELD_BYTES = 4096
FORM_BYTES = 2**16
"""What a form takes besides its files."""
PIECE_SECONDS = 30
"""How long the next piece of a body may take."""
DISCARD_SECONDS = 5
CLOSE = {"Connection": "close"}
"""For a client that may go on to send."""
LONGEST_NAME = 255


@dataclass(frozen=True)
class Upload:
    """A file of a request."""

    name: str
    """What answers call it: the client's name for it, made printable."""
    file: BinaryIO


@dataclass(frozen=True)
class Form:
    """What a request brings. To be closed."""

    uploads: tuple[Upload, ...]
    fields: tuple[tuple[str, str], ...]
    """Names and values of its other fields, in order."""

    def close(self) -> None:
        for upload in self.uploads:
            upload.file.close()


async def read_form(request: Request, limits: Limits) -> Form:
    """Reads a body. Raises Refused for one that is too large, too slow, or no form with files in the field `files`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Refused(415, f"the body must be multipart/form-data with files in the field {FILES}")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        raise Refused(400, "the Content-Length of the request is no number")
    if int(length[:20]) > limits.bytes + FORM_BYTES:
        raise _too_large(limits)
    parser = MultiPartParser(
        request.headers,
        _bounded(request, limits),
        max_files=limits.files,
        max_fields=MOST_FIELDS,
        max_part_size=FIELD_BYTES,
    )
    try:
        async with asyncio.timeout(limits.timeout):
            form = await parser.parse()
    except TimeoutError:
        raise _too_slow(f"the request took longer than {limits.timeout:g} s to arrive: send less at a time") from None
    except MultiPartException as error:
        raise _refused(error.message, limits) from None
    except (ValueError, KeyError, LookupError):
        raise Refused(400, "the body is no well-formed multipart/form-data") from None
    return _sorted(form)


async def _bounded(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    read = 0
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise _too_slow(f"nothing of the request arrived for {PIECE_SECONDS} s: send it again") from None
        if piece is None:
            return
        read += len(piece)
        if read > limits.bytes + FORM_BYTES:
            await _discard(pieces, limits)
            raise _too_large(limits, CLOSE)
        yield piece


async def _discard(pieces: AsyncIterator[bytes], limits: Limits) -> None:
    """Reads on for a while: many clients look for an answer only when they have sent everything."""
    left = limits.bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0 and (piece := await anext(pieces, None)) is not None:
                left -= len(piece)


def _too_slow(sentence: str) -> Refused:
    return Refused(408, sentence, headers=CLOSE)


def _too_large(limits: Limits, headers: Mapping[str, str] | None = None) -> Refused:
    sentence = f"the request is larger than the {limits.megabytes:g} MB that this service takes: send less at a time"
    return Refused(413, sentence, headers=headers)


def _refused(message: str, limits: Limits) -> Refused:
    """For what starlette says of a form."""
    if message.startswith("Too many files"):
        return Refused(413, f"a request holds {limits.files} files at most: send the others in requests of their own")
    if message.startswith(("Too many fields", "Part exceeded")):
        return Refused(413, f"a form holds {MOST_FIELDS} options of {FIELD_BYTES} bytes at most")
    return Refused(400, "the body is no well-formed multipart/form-data")


def _sorted(form: FormData) -> Form:
    items = form.multi_items()
    files = [(name, value) for name, value in items if isinstance(value, UploadFile)]
    fields = tuple((name, value) for name, value in items if isinstance(value, str))
    uploads = tuple(Upload(_name_of(file, number), file.file) for number, (_, file) in enumerate(files, 1))
    found = Form(uploads, fields)
    if not files or any(name != FILES for name, _ in files):
        found.close()
        raise Refused(400, f"the form holds no file in the field {FILES}, as in curl -F {FILES}=@clip.wav")
    return found


def _name_of(file: UploadFile, number: int) -> str:
    """The client's name of a file, without what a terminal would obey."""
    said = printable("".join(letter for letter in file.filename or "" if letter.isprintable()))
    return said[:LONGEST_NAME] or f"file {number}"
