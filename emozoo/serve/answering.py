"""Files of a request become answers: in threads, within the time and the length that the service allows."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from emozoo.errors import EmozooError, lacks_memory, lacks_room
from emozoo.inference.answers import Prediction
from emozoo.inference.clips import Clip
from emozoo.inference.embeddings import embed_each
from emozoo.inference.files import predict_file
from emozoo.inference.options import PredictOptions
from emozoo.media.reading import duration
from emozoo.media.sound import begins_as_sound_file
from emozoo.media.window import SLACK_SECONDS
from emozoo.serve.batching import Cancelled, Joined
from emozoo.serve.embedding import embedding_dict
from emozoo.serve.refusal import Refused, busy
from emozoo.serve.service import Service, Slot
from emozoo.serve.upload import Upload

log = logging.getLogger("emozoo")
T = TypeVar("T")
Work = Callable[[Upload], T]


async def answer_all(
    service: Service, slot: Slot, request: Request, model: Joined, uploads: Sequence[Upload], work: Work[T]
) -> list[T]:
    """What `work` gives for each upload, in order; several at a time. Raises Refused if that takes too long, and whatever
    `work` raises; what is still at work then ends after its current batch."""
    futures = [slot.hold_for(service.in_files_pool(partial(work, upload))) for upload in uploads]
    gone = asyncio.ensure_future(_left(request))
    together = asyncio.ensure_future(_first_error(futures))
    try:
        await asyncio.wait({together, gone}, timeout=service.limits.timeout, return_when=asyncio.FIRST_COMPLETED)
        if together.done():
            return together.result()
        if gone.done():
            raise ClientDisconnect
        raise Refused(
            504,
            f"the answer takes longer than the {service.limits.timeout:g} s that this service allows: send less at a time",
        )
    finally:
        model.cancel()
        for task in (gone, together):
            task.cancel()
        for future in futures:
            future.add_done_callback(_seen)


async def _first_error(futures: Sequence[asyncio.Future[T]]) -> list[T]:
    return list(await asyncio.gather(*(asyncio.shield(future) for future in futures)))


def _seen(future: asyncio.Future[Any]) -> None:
    """Takes note of an error that nobody waits for."""
    if not future.cancelled():
        future.exception()


async def _left(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def predict_upload(service: Service, model: Joined, options: PredictOptions, upload: Upload) -> Prediction:
    """The answer for a file, with an `error` if there is none. Raises Refused for a file that is too long."""
    most = service.limits.seconds
    try:
        with opened(service, model, upload) as clip:
            found = predict_file(model, clip, options, seen=lambda cut: _check_end(upload.name, most, cut.end))
            return replace(found, error=found.error and in_request_words(found.error))
    except EmozooError as error:
        return Prediction(upload.name, error=in_request_words(str(error)))
    except (Refused, Cancelled):
        raise
    except Exception as error:  # noqa: BLE001 - a bad file must not end the service, nor the other files' answers
        return Prediction(upload.name, error=unexpected(error, upload.name))


@contextmanager
def opened(service: Service, model: Joined, upload: Upload) -> Iterator[Clip]:
    """An upload as a clip, for a block in one of the service's threads. Raises Refused for one that is too long, Cancelled
    if its request is over, and what is wrong with it as EmozooError, which calls it by its name."""
    if model.cancelled:
        raise Cancelled
    with _lying(service.folder, upload) as path, nullcontext() if begins_as_sound_file(path) else service.decoding:
        clip = Clip(upload.name, str(path), copy=open(path, "rb"))  # noqa: SIM115 - the clip closes it
        try:
            _check_length(path, upload.name, service.limits.seconds)
            yield clip
        except EmozooError as error:
            raise EmozooError(clip.in_words(error)) from error
        finally:
            clip.close()


@contextmanager
def _lying(folder: Path, upload: Upload) -> Iterator[Path]:
    """The path of an upload while it is answered. Its name says nothing; it is deleted after the block."""
    path = folder / secrets.token_hex(16)
    try:
        try:
            with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                shutil.copyfileobj(upload.file, file)
        except ValueError:  # the request is over, and its files are closed
            raise Cancelled from None
        except OSError as error:
            log.warning("an upload cannot be written into the temporary folder (%s)", error.strerror)
            raise busy("this service has no room for files right now: try again") from None
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _check_length(path: Path, name: str, most: float) -> None:
    if (seconds := duration(path)) > most:
        raise Refused(413, f"{name} lasts {seconds:,.0f} s, and this service takes {most:g} s at most: cut it")


def _check_end(name: str, most: float, end: float) -> None:
    """Ends the answer for a file that is longer than it claims."""
    if end > most + SLACK_SECONDS:
        raise Refused(413, f"{name} goes on for longer than the {most:g} s that this service takes: cut it")


def in_request_words(sentence: str) -> str:
    """An error's sentence, in which options of the command line become those of a request."""
    return sentence.replace("--no-vad", "vad=false").replace(" (--timeout)", "").replace("--vad", "vad=true")


def unexpected(error: Exception, name: str) -> str:
    """The sentence for an error that nobody foresaw. The log has its kind, and nothing that a client sent."""
    log.warning("a clip could not be answered: %s", type(error).__name__)
    if lacks_memory(error) or lacks_room(error):
        return f"{name} cannot be answered: this service has too little memory or room for it right now"
    return f"{name} cannot be answered: a decoder or the network failed ({type(error).__name__})"


def embed_upload(
    service: Service, model: Joined, options: PredictOptions, with_windows: bool, upload: Upload
) -> dict[str, Any]:
    """The embedding of a file, or those of its windows, as JSON, with an `error` if there is none. Raises Refused for a file
    that is too long."""
    try:
        with opened(service, model, upload) as clip:
            [rows] = embed_each(model, [clip], options, with_windows)
        _check_end(upload.name, service.limits.seconds, rows[-1].end or 0.0)
        found = embedding_dict(upload.name, rows, with_windows)
        return {**found, "error": in_request_words(found["error"])} if "error" in found else found
    except EmozooError as error:
        return {"file": upload.name, "error": in_request_words(str(error))}
    except (Refused, Cancelled):
        raise
    except Exception as error:  # noqa: BLE001 - as in predict_upload
        return {"file": upload.name, "error": unexpected(error, upload.name)}
