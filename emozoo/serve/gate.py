"""The gate before the service: who may ask. It also counts, and turns what goes wrong into JSON.

Whatever is refused here is refused before any of a request's body is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emozoo.serve.refusal import Refused
from emozoo.serve.service import ENDING, Service

log = logging.getLogger("emozoo")
HEALTH = "/healthz"
STREAM = "/v1/listen"
OPEN = (HEALTH, "/", "/docs", "/openapi.json")
"""What needs no token."""
OTHER = "other"
OTHERWISE = "the request is not understood"
REFUSED = {404: "there is nothing at this address: /docs lists what there is", 405: "this address takes another method"}


class Gate:
    """Lets requests and streams through to the routes `app`, or refuses them."""

    def __init__(self, app: ASGIApp, service: Service, routes: Collection[str]) -> None:
        self._app = app
        self._service = service
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                _add_headers(message)
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, noting)
        except Refused as refused:
            await _send(refused.response(), scope, receive, noting, status)
        except ClientDisconnect:
            status = status or 499  # nobody reads it
        except Exception as error:  # noqa: BLE001 - a client gets a sentence, never a traceback
            log.error("a request could not be answered: %s", type(error).__name__)
            failed = Refused(500, "the service failed to answer this: its log says more")
            await _send(failed.response(), scope, receive, noting, status)
        finally:
            self._count(scope, status, time.perf_counter() - begun)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._check_origin(scope, headers)
        token, path = self._service.token, scope["path"]
        if token is not None and path not in OPEN and not token.fits(headers.get("authorization", "")):
            raise Refused(
                401,
                "this service needs a token, as in the header Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": 'Bearer realm="emozoo"'},
            )
        if scope["type"] == "websocket" and path != STREAM:
            raise Refused(404, f"there is no stream at this address: {STREAM} takes them")
        if self._service.ending and path != "/metrics":
            raise Refused(503, ENDING, headers={"Retry-After": "5", "Connection": "close"})

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        hosts, origin = headers.getlist("host"), headers.get("origin")
        reached = str((scope.get("server") or ("",))[0])
        if len(hosts) != 1 or not self._service.hosts.know(hosts[0], reached):
            raise Refused(
                421,
                "this service does not answer under that name: whoever started it can allow it with --allow-host NAME",
            )
        if origin is not None:
            if not self._service.hosts.fits(origin, hosts[0]):
                raise Refused(403, "this service answers no requests that another site makes")
        elif headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refused(403, "this service answers no requests that another site makes")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self._routes else OTHER
        self._service.metrics.requests.labels(route, str(status)).inc()
        if scope["type"] == "http":
            self._service.metrics.seconds.labels(route).observe(seconds)


async def _send(response: Response, scope: Scope, receive: Receive, send: Send, status: int) -> None:
    """The answer of a request that has had none. A stream that was not accepted gets it in place of a handshake."""
    if status:
        return
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await response(scope, receive, send)


def _add_headers(message: Message) -> None:
    message["headers"] = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]


async def refuse_route(request: object, error: Exception) -> Response:
    """JSON for what starlette refuses: an unknown route, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    return Refused(error.status_code, REFUSED.get(error.status_code, OTHERWISE), headers=error.headers).response()


async def refuse(request: object, error: Exception) -> Response:
    """JSON for what the routes raise."""
    if isinstance(error, Refused):
        return error.response()
    return Response(status_code=400)  # the client has gone: nobody reads it
