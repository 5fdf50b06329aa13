"""`WS /v1/listen`: raw samples come in, a line of JSON goes out for each window."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from emozoo.errors import EmozooError
from emozoo.inference.answers import WindowAnswer, scale_of
from emozoo.listening.listener import Listener, check_model
from emozoo.listening.pcm import FORMATS, OTHER_FILES, Layout, check_layout, samples_of
from emozoo.serve.answering import in_request_words, unexpected
from emozoo.serve.asked import LISTEN, Asked, read_asked
from emozoo.serve.batching import Cancelled, Joined
from emozoo.serve.refusal import Refused, error
from emozoo.serve.service import ENDING, Service
from emozoo.text import SCHEMA, json_text, shown

log = logging.getLogger("emozoo")
MESSAGE_BYTES = 2**20
"""Largest message."""
CLOSE_SECONDS = 10
ERROR_CODES = 4000
"""Added to an HTTP status, it is the code that a stream is closed with."""
FINISHED, GOING_AWAY = 1000, 1001
FILES = {b"RIFF": "WAV", **OTHER_FILES}
"""First bytes of what is no raw samples."""


async def listen(socket: WebSocket) -> None:
    service: Service = socket.app.state.service
    with ExitStack() as held:
        try:
            held.enter_context(service.stream())
        except Refused as refused:
            await socket.send_denial_response(refused.response())
            return
        await socket.accept()
        try:
            await _Stream(service, socket).run()
        except Refused as refused:
            await _close(socket, error(refused.sentence), ERROR_CODES + refused.status)
        except EmozooError as bad:
            await _close(socket, error(in_request_words(str(bad))), ERROR_CODES + 422)
        except (WebSocketDisconnect, Cancelled):
            pass
        except Exception as bad:  # noqa: BLE001 - a client gets a sentence, never a traceback
            await _close(socket, error(unexpected(bad, "the stream")), ERROR_CODES + 500)


async def _close(socket: WebSocket, last: Any, code: int) -> None:
    """Sends a last line and closes, if the client is still there."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.send_text(json_text(last))
        await socket.close(code)


class _Stream:
    """One stream, from its options to its last line."""

    def __init__(self, service: Service, socket: WebSocket) -> None:
        self._service = service
        self._socket = socket
        asked = read_asked(LISTEN, socket.query_params.multi_items())
        self._layout = _layout(asked)
        served = service.model(asked.text("model"))
        self._model: Joined = served.joined()
        check_model(self._model)
        self._scale = scale_of(self._model.outputs)
        self._listener = Listener(self._model, self._layout.rate, asked.options())
        self._held = b""
        self._samples = 0
        self._windows = 0

    async def run(self) -> None:
        try:
            async for message in self._messages():
                await self._feed(message)
        except BaseException:
            self._model.cancel()
            raise

    async def _messages(self) -> AsyncIterator[bytes]:
        """What the client sends, until it is finished, or the service ends: then the last answers are sent as well."""
        closing = asyncio.ensure_future(self._service.closing.wait())
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            while True:
                timeout = self._service.limits.timeout
                await asyncio.wait({closing, receiving}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if closing.done():
                    await self._finish(error(ENDING), GOING_AWAY)
                    return
                if not receiving.done():
                    raise Refused(408, f"the stream sent nothing for {timeout:g} s")
                message = receiving.result()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message.get("code", 1005))
                if message.get("text") is not None:
                    _check_finished(message["text"])
                    await self._finish(None, FINISHED)
                    return
                yield message["bytes"]
                receiving = asyncio.ensure_future(self._socket.receive())
        finally:
            closing.cancel()
            receiving.cancel()

    async def _feed(self, data: bytes) -> None:
        if len(data) > MESSAGE_BYTES:
            raise Refused(413, f"a message holds {MESSAGE_BYTES:,} bytes at most: send the samples as they come")
        if not self._samples and (kind := _file_kind(self._held + data)):
            raise Refused(415, f"the stream is {kind}, not raw samples: let ffmpeg decode it, as in -f s16le -")
        self._held += data
        whole = len(self._held) // self._layout.frame * self._layout.frame
        chunk, self._held = samples_of(self._held[:whole], self._layout), self._held[whole:]
        self._samples += len(chunk)
        if self._samples > self._service.limits.stream_seconds * self._layout.rate:
            raise Refused(
                413, f"the stream is longer than the {self._service.limits.stream_seconds:g} s that are allowed"
            )
        if len(chunk):
            await self._send(await self._service.in_streams_pool(partial(self._listener.feed, chunk)))

    async def _finish(self, last: dict[str, Any] | None, code: int) -> None:
        if self._samples or last is None:
            await self._send(await self._service.in_streams_pool(self._listener.finish))
        seconds = self._samples / self._layout.rate
        end = {"schema": SCHEMA, "finished": True, "windows": self._windows, "seconds": round(seconds, 3)}
        await _close(self._socket, last or end, code)

    async def _send(self, answers: Sequence[WindowAnswer]) -> None:
        self._windows += len(answers)
        try:
            async with asyncio.timeout(self._service.limits.timeout):
                for each in answers:
                    await self._socket.send_text(json_text({"schema": SCHEMA, **self._scale, **each.to_dict()}))
        except TimeoutError:
            raise Refused(408, f"the client read nothing for {self._service.limits.timeout:g} s") from None


def _layout(asked: Asked) -> Layout:
    rate, channels, kind = asked.integer("rate"), asked.integer("channels"), asked.text("format")
    if kind is not None and kind not in FORMATS:
        raise Refused(422, f"format is one of {', '.join(FORMATS)}, not {shown(kind)}")
    check_layout(rate, channels)
    return Layout(rate or Layout.rate, channels or Layout.channels, kind or Layout.format)


def _file_kind(head: bytes) -> str | None:
    return FILES.get(head[:4]) or ("MP4" if head[4:8] == b"ftyp" else None)


def _check_finished(text: str) -> None:
    """Raises Refused for a text that does not say that the stream is finished."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("finish") is not True:
        raise Refused(400, 'the stream takes samples as binary messages, and {"finish": true} as text after the last')
