"""The service as an ASGI application: which address leads where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from emozoo.serve import metrics
from emozoo.serve.files import answering, embed, predict
from emozoo.serve.gate import HEALTH, STREAM, Gate, refuse, refuse_route
from emozoo.serve.listen import listen
from emozoo.serve.openapi import describe
from emozoo.serve.page import render
from emozoo.serve.refusal import Refused, answer
from emozoo.serve.service import Service
from emozoo.text import SCHEMA

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(service: Service) -> ASGIApp:
    """The application. Its counts and its end are `service`'s."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.begin()
        yield

    handlers = {HTTPException: refuse_route, Refused: refuse, ClientDisconnect: refuse}
    app = Starlette(routes=ROUTES, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.service = service
    return Gate(app, service, [route.path for route in ROUTES])


async def _models(request: Request) -> Response:
    found = [served.facts() for served in request.app.state.service.models.values()]
    return answer({"schema": SCHEMA, "default": found[0]["name"], "models": found})


async def _health(_: Request) -> Response:
    return answer({"schema": SCHEMA, "status": "ok"})


async def _metrics(request: Request) -> Response:
    return Response(request.app.state.service.metrics.text(), headers={"Content-Type": metrics.KIND})


async def _document(request: Request) -> Response:
    return answer(describe(request.app.state.service))


async def _page(request: Request) -> Response:
    return HTMLResponse(render(describe(request.app.state.service)), headers=PAGE_HEADERS)


async def _no_stream(_: Request) -> Response:
    raise Refused(426, "this address takes a WebSocket", headers={"Upgrade": "websocket", "Connection": "Upgrade"})


async def _home(_: Request) -> Response:
    return RedirectResponse("/docs")


ROUTES: list[Route | WebSocketRoute] = [
    Route("/v1/predict", answering(predict), methods=["POST"]),
    Route("/v1/embed", answering(embed), methods=["POST"]),
    WebSocketRoute(STREAM, listen),
    Route(STREAM, _no_stream),
    Route("/v1/models", _models),
    Route(HEALTH, _health),
    Route("/metrics", _metrics),
    Route("/openapi.json", _document),
    Route("/docs", _page),
    Route("/", _home),
]
