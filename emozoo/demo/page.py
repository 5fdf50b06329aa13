"""The demo page in Gradio: what is on it, and what happens when. Importing this needs gradio.

Each model has a queue of its own for the clips of all visitors, and answers one clip at a time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from emozoo.data.synthetic.examples import write_clips
from emozoo.demo import html
from emozoo.demo.answer import Limits, answer
from emozoo.demo.gate import Gate
from emozoo.demo.html import CSS, HEADING, TITLE, model, past, refusal, waiting
from emozoo.demo.models import Shown
from emozoo.demo.visits import Visits
from emozoo.errors import EmozooError
from emozoo.inference.answers import NOTE
from emozoo.web.hosts import Hosts

SOUNDS = {
    "angry.wav": "angry voice",
    "happy.wav": "happy voice",
    "neutral.wav": "neutral voice",
    "sad.wav": "sad voice",
}
VIDEOS = {"happy-then-sad.avi": "video, happy then sad"}
TIDY_SECONDS = 10


QUICK: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "multiple", "queue": False}
"""How gradio treats events that need no model."""


def build(models: Sequence[Shown], visits: Visits, limits: Limits, folder: Path) -> gr.Blocks:
    """The page. The examples are written into a subfolder of `folder`."""
    named = [(each.name, each.model.labels) for each in models]
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(HEADING)
        sources, player, examples, outputs = _lay_out(models, limits, folder)
        gr.Markdown("### Clips of this visit")
        table = gr.HTML(past(named, []))
        gr.Markdown(NOTE)

        def tell_past(request: gr.Request) -> str:
            return past(named, visits.clips(_session(request)))

        for begun in _taken(visits, sources, examples, player):
            for number, output in enumerate(outputs):
                begun.then(
                    _answerer(visits, number, models[number], limits),
                    None,
                    output,
                    concurrency_limit=1,
                    concurrency_id=f"model {number}",
                    **(QUICK | {"queue": True}),
                ).then(tell_past, None, table, show_progress="hidden", **QUICK)
        page.unload(_nothing)  # gradio sends its heartbeat only if something happens at its end
    page.queue(max_size=4 * limits.visits, api_open=False)  # nobody can call a model without its queue
    page.has_launched = (
        True  # else gradio takes any path of this machine for an upload, as a mounted page never sets this
    )
    return page


def _lay_out(
    models: Sequence[Shown], limits: Limits, folder: Path
) -> tuple[list[tuple[Any, Any]], gr.HTML, list[tuple[gr.Button, Path]], list[gr.HTML]]:
    """Sources of clips, the player, the examples, and a place for the answers of each model."""
    several = len(models) > 1
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            sources = _sources()
            if not several:
                player, examples = _clip(models, limits, folder)
        with gr.Column(scale=3, min_width=300):
            if several:
                player, examples = _clip(models, limits, folder)
            else:
                outputs = [_place_of(models[0])]
    if several:
        with gr.Row():
            outputs = [_place_of(each) for each in models]
    return sources, player, examples, outputs


def _taken(
    visits: Visits, sources: Sequence[tuple[Any, Any]], examples: Sequence[tuple[gr.Button, Path]], player: gr.HTML
) -> list[Any]:
    """The events by which a clip is given to the page."""
    given = [
        event(_taker(visits), source, [player, source], preprocess=False, show_progress="hidden", **QUICK)
        for source, event in sources
    ]
    chosen = [
        button.click(_example_taker(visits, path), None, player, show_progress="hidden", **QUICK)
        for button, path in examples
    ]
    return given + chosen


def run(
    page: gr.Blocks,
    visits: Visits,
    limits: Limits,
    hosts: Hosts,
    listener: socket.socket,
    started: Callable[[], None],
) -> None:
    """Serves the page on a socket until SIGINT or SIGTERM, which is then raised again. Calls `started` when the page can be
    reached."""

    @asynccontextmanager
    async def tidied(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_tidy(visits, min(TIDY_SECONDS, limits.idle)))
        yield
        task.cancel()

    largest = round(limits.megabytes * 2**20)
    app = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=tidied),
        page,
        path="/",
        max_file_size=largest,
        css=CSS,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
    )
    # Visitors keep a connection open while they have the page open.
    config = uvicorn.Config(
        Gate(app, visits, hosts, largest, frozenset(page.fns)),
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
        limit_concurrency=2 * limits.visits,
    )
    _Server(config, started).run([listener])


async def _tidy(visits: Visits, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(visits.tidy)


def _nothing() -> None:
    pass


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _sources() -> list[tuple[Any, Any]]:
    """Where clips come from, and the event that a new clip triggers. Nothing is converted."""
    with gr.Tabs():
        with gr.Tab("File"):
            file = gr.File(label="Sound or video file", height=150)
        with gr.Tab("Microphone"):
            microphone = gr.Audio(sources=["microphone"], type="filepath", editable=False, label="Microphone")
        with gr.Tab("Webcam"):
            size = {"width": {"ideal": 640}, "height": {"ideal": 480}}  # ten times the size of a network's frames
            options = gr.WebcamOptions(mirror=False, constraints={"video": size})
            webcam = gr.Video(sources=["webcam"], include_audio=True, webcam_options=options, label="Webcam")
    return [(file, file.upload), (microphone, microphone.stop_recording), (webcam, webcam.stop_recording)]


def _clip(models: Sequence[Shown], limits: Limits, folder: Path) -> tuple[gr.HTML, list[tuple[gr.Button, Path]]]:
    """A player for the last clip, and synthetic clips to try."""
    (folder / "examples").mkdir()
    paths = {path.name: path for path in write_clips(folder / "examples")}
    texts = SOUNDS | (VIDEOS if any(each.model.video for each in models) else {})
    player = gr.HTML()
    gr.Markdown(f"At most {limits.megabytes:g} MB and {limits.seconds:g} s. Or try a synthetic clip:")
    with gr.Row():
        examples = [(gr.Button(text, size="sm", min_width=150), paths[name]) for name, text in texts.items()]
    return player, examples


def _place_of(shown: Shown) -> gr.HTML:
    """A model's description, and its answers below."""
    with gr.Column(min_width=320):
        gr.HTML(model(shown.facts))
        output = gr.HTML(waiting(), min_height=60)
        if shown.card:
            with gr.Accordion("How good it is"):
                gr.Markdown(shown.card, elem_classes="emz-card")
        return output


def _taker(visits: Visits) -> Callable[..., Any]:
    def take(given: dict[str, Any] | None, request: gr.Request) -> Any:
        if not given:  # a recording that was thrown away
            return gr.skip(), None
        return _take(visits, request, Path(given["path"]), given["orig_name"]), None

    return take


def _example_taker(visits: Visits, path: Path) -> Callable[..., Any]:
    visits.offer(path)

    def take(request: gr.Request) -> str:
        return _take(visits, request, path, path.name)

    return take


def _take(visits: Visits, request: gr.Request, path: Path, name: str) -> str:
    try:
        return html.player(visits.take(_session(request), path, name), name)
    except EmozooError as error:
        return refusal(str(error))


def _answerer(visits: Visits, number: int, shown: Shown, limits: Limits) -> Callable[..., Any]:
    def respond(request: gr.Request) -> Any:
        found = visits.next(_session(request), number)
        if found is None:  # nothing was given, or the visitor has left
            return gr.skip()
        visit, clip = found
        given = answer(shown.model, visit.files[clip], visit.names[clip], limits)
        visit.clips[clip][number] = given.prediction.without_windows()
        return html.answer(given, shown.model.labels)

    return respond
