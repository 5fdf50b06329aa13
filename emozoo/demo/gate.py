"""The gate before the demo page: which requests reach gradio.

gradio offers more than this page uses, and trusts what it is told. So only addresses that the page uses are let through,
only from the page itself, and with bodies of a known size and form. Importing this needs gradio.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Collection
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emozoo.demo.upload import Refused, receive_upload
from emozoo.demo.visits import Visits
from emozoo.web.hosts import Hosts

API = "/gradio_api"
UPLOAD = f"{API}/upload"
FILE = f"{API}/file="
HEARTBEAT = f"{API}/heartbeat/"
ANSWERS = f"{API}/queue/data"
EVENTS = (f"{API}/run/predict", f"{API}/queue/join")
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt")
OPEN = (*PAGES, ANSWERS, f"{API}/upload_progress", f"{API}/startup-events", f"{API}/app_id")
PARTS = ("/assets/", "/static/")
"""gradio's own scripts and images."""
BODY_BYTES = 2**16
"""Largest body of a request other than an upload. It names a clip at most."""
BODY_SECONDS = 30
"""How long the page waits for the next piece of a body."""
NAME_LETTERS = 255
COOKIE = "emozoo-visitor"
_VISITOR = re.compile(r"[A-Za-z0-9_-]{22}")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Gate:
    """Lets requests through to the page `app`, or refuses them."""

    def __init__(self, app: ASGIApp, visits: Visits, hosts: Hosts, largest: int, events: Collection[int]) -> None:
        """`largest`: largest upload, in bytes. `events`: the numbers of gradio's events on the page."""
        self._app = app
        self._visits = visits
        self._hosts = hosts
        self._largest = largest
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(Request(scope, _bounded(receive)), send)

    async def _answer(self, request: Request, send: Send) -> None:
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add_headers(request, MutableHeaders(scope=message))
            await send(message)

        try:
            self._check_origin(request)
            await self._let_through(request, answer)
        except Refused as refused:
            if begun:
                raise
            sentence = str(refused)
            response: Response = PlainTextResponse(sentence, refused.status)
            if request.url.path in EVENTS:  # where gradio's page shows it
                response = JSONResponse({"error": sentence, "detail": sentence}, refused.status)
            await response(request.scope, request.receive, answer)
        except ClientDisconnect:
            return

    # Who asks

    def _check_origin(self, request: Request) -> None:
        headers = request.headers
        hosts, origin = headers.getlist("host"), headers.get("origin")
        reached = str((request.scope.get("server") or ("",))[0])
        if len(hosts) != 1 or not self._hosts.know(hosts[0], reached):
            raise Refused(
                421, "This page does not answer under that name: whoever started it can allow it with --allow-host NAME"
            )
        forwarded = headers.get("x-forwarded-host", "")
        shown = forwarded if self._hosts.know(forwarded, reached) else hosts[0]
        if shown != forwarded:  # gradio would build addresses of it
            _drop(request.scope, b"x-forwarded-host")
        if origin is not None:
            if not self._hosts.fits(origin, shown):
                raise Refused(403, "This page answers no requests that another site makes")
        elif headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and request.url.path != "/":
            raise Refused(403, "This page answers no requests that another site makes")

    # What is asked

    async def _let_through(self, request: Request, send: Send) -> None:
        path, visitor = request.url.path, _visitor(request)
        limit = BODY_BYTES if path != UPLOAD else self._largest + BODY_BYTES
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise Refused(413, _too_large(limit))
        if request.method == "POST" and path == UPLOAD:
            response = await receive_upload(_counted(request, limit), self._visits, visitor, self._largest)
            await response(request.scope, request.receive, send)
        elif request.method == "POST" and path in EVENTS:
            event = self._event(await _counted(request, limit).body(), visitor)
            await self._app(_with_body(request.scope, event), _replayed(event, request.receive), send)
        elif request.method not in ("GET", "HEAD"):
            raise Refused(404, "This page offers nothing of that kind")
        elif path.startswith(HEARTBEAT):
            await self._beat(request, _session(path.removeprefix(HEARTBEAT), visitor), send)
        elif path == ANSWERS:
            session = _session(request.query_params.get("session_hash"), visitor)
            query = urlencode({"session_hash": session}).encode()
            await self._app({**request.scope, "query_string": query}, request.receive, send)
        elif path.startswith(FILE) and not self._visits.may_see(path.removeprefix(FILE), visitor):
            raise Refused(403, "That is no clip of yours, or is gone")
        elif path in OPEN or path.startswith((FILE, *PARTS)):
            await self._app(request.scope, request.receive, send)
        else:
            raise Refused(404, "This page offers nothing of that kind")

    async def _beat(self, request: Request, session: str, send: Send) -> None:
        """A connection that a browser keeps open while it shows the page."""
        path = HEARTBEAT + session
        self._visits.arrive(session)
        try:
            await self._app({**request.scope, "path": path, "raw_path": path.encode()}, request.receive, send)
        finally:
            self._visits.leave(session)

    def _event(self, body: bytes, visitor: str) -> bytes:
        """An event on the page, for gradio. It is built anew, from checked values only."""
        try:
            said = json.loads(body)
            number, trigger, data = said["fn_index"], said.get("trigger_id"), said["data"]
            if type(number) is not int or type(trigger) not in (int, type(None)) or type(data) is not list:
                raise TypeError
            if len(data) > 1 or number not in self._events:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Refused(400, "This page does not understand that") from error
        event = {
            "fn_index": number,
            "trigger_id": trigger,
            "session_hash": _session(said.get("session_hash"), visitor),
            "data": [self._given(each, visitor) for each in data],
        }
        return json.dumps(event).encode()

    def _given(self, said: Any, visitor: str) -> dict[str, Any] | None:
        if said is None:
            return None
        path = said.get("path") if isinstance(said, dict) else None
        if not isinstance(path, str) or not self._visits.may_give(path, visitor):
            raise Refused(403, "That was not given to this page, or is gone: give it again")
        name = said.get("orig_name")
        name = name[:NAME_LETTERS] if isinstance(name, str) and name else PurePath(path).name
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def _add_headers(self, request: Request, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        if request.url.path == "/" and not _visitor(request):
            secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
            kind = "Secure; SameSite=None; Partitioned" if secure else "SameSite=Lax"  # in the Hub's frame, or not
            headers.append("Set-Cookie", f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; {kind}")


def _visitor(request: Request) -> str:
    """The visitor, by the browser's cookie; empty if it keeps none."""
    name = request.cookies.get(COOKIE, "")
    return name if _VISITOR.fullmatch(name) else ""


def _session(said: Any, visitor: str) -> str:
    """gradio's name for a visit. It depends on the visitor, so nobody else can continue the visit or read its answers."""
    if not isinstance(said, str) or not _SESSION.fullmatch(said):
        raise Refused(400, "This page does not understand that")
    return hashlib.sha256(f"{visitor} {said}".encode()).hexdigest()


def _too_large(limit: int) -> str:
    return f"That is larger than the maximum allowed size of {limit:,} bytes"


def _bounded(receive: Receive) -> Receive:
    """Ends a request whose body comes too slowly."""
    whole = False

    async def read() -> Message:
        nonlocal whole
        try:
            message = await asyncio.wait_for(receive(), None if whole else BODY_SECONDS)
        except TimeoutError as error:
            raise Refused(408, "That came too slowly: try again") from error
        whole = whole or not message.get("more_body", False)
        return message

    return read


def _counted(request: Request, limit: int) -> Request:
    """A request that is refused when its body becomes too large, whatever size it declared."""
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise Refused(413, _too_large(limit))
        return message

    return Request(request.scope, receive)


def _with_body(scope: Scope, body: bytes) -> Scope:
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")
    ]
    headers += [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    return {**scope, "headers": headers}


def _replayed(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    sent = False

    async def read() -> Message:
        nonlocal sent
        if sent:
            return await receive()  # the visitor goes
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def _drop(scope: Scope, name: bytes) -> None:
    scope["headers"] = [each for each in scope["headers"] if each[0] != name]
