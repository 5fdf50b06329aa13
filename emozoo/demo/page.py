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

from emozoo.demo import html
from emozoo.demo.answer import Limits, answer, clip_outline
from emozoo.demo.examples import write_examples
from emozoo.demo.gate import Gate
from emozoo.demo.html import HEADING, TITLE, past, refusal, waiting
from emozoo.demo.models import Shown
from emozoo.demo.segments import KINDS, summary, uploaded_segments
from emozoo.demo.style import CSS
from emozoo.demo.visits import Visits
from emozoo.errors import EmozooError
from emozoo.publishing.space import NOTE
from emozoo.web.hosts import Hosts

TIDY_SECONDS = 10


QUICK: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "multiple", "queue": False}
"""How gradio treats events that need no model."""


def build(models: Sequence[Shown], visits: Visits, limits: Limits, folder: Path) -> gr.Blocks:
    """The page. The examples are written into a subfolder of `folder`."""
    named = [(each.name, each.model.outputs) for each in models]
    order = list(dict.fromkeys(label for each in models for label in each.model.labels))
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(HEADING, elem_classes="emz-heading")
        with gr.Column(elem_classes=["emz-page", "emz-several" if len(models) > 1 else "emz-one"]):
            sources, examples, refused, segments = _giving(models, limits, folder)
            with gr.Row(elem_classes="emz-models"):
                outputs = [_place_of(each) for each in models]
            with gr.Column(elem_classes="emz-clip", min_width=0):
                player, sound = gr.HTML(), gr.HTML()
        gr.Markdown("### Clips of this visit")
        table = gr.HTML(past(named, []))
        gr.Markdown(NOTE)

        def tell_past(request: gr.Request) -> str:
            return past(named, visits.clips(_session(request)))

        queued = {"concurrency_limit": 1, **QUICK, "queue": True}
        for begun in [
            *_taken(visits, sources, examples, [player, refused]),
            _taken_segments(visits, limits, *segments),
        ]:
            begun.then(
                _sound_shower(visits, limits), None, sound, show_progress="hidden", concurrency_id="sound", **queued
            )
            for number, output in enumerate(outputs):
                respond = _answerer(visits, number, models[number], limits, order)
                begun.then(respond, None, output, concurrency_id=f"model {number}", **queued).then(
                    tell_past, None, table, show_progress="hidden", **QUICK
                )
        page.unload(_nothing)  # gradio sends its heartbeat only if something happens at its end
    page.queue(max_size=4 * limits.visits, api_open=False)  # nobody can call a model without its queue
    page.has_launched = (
        True  # else gradio takes any path of this machine for an upload, as a mounted page never sets this
    )
    return page


def _giving(
    models: Sequence[Shown], limits: Limits, folder: Path
) -> tuple[list[tuple[Any, Any]], list[tuple[gr.Button, Path]], gr.HTML, tuple[gr.File, gr.HTML]]:
    """Sources of clips, the examples, a place for the sentence by which a clip is refused, and the source of segments with
    a place for what is in them."""
    with gr.Column(elem_classes="emz-give", min_width=0):
        sources = _sources()
        refused = gr.HTML()
        examples = []
        gr.HTML(html.small(f"At most {limits.megabytes:g} MB and {limits.seconds:g} s."))
        for kind in write_examples(folder / "examples", [each.model for each in models]):
            with gr.Row(elem_classes="emz-examples"):
                gr.HTML(html.small(kind.title))
                examples += [(gr.Button(text, size="sm", min_width=0), path) for text, path in kind.clips]
        with gr.Accordion("Who speaks when (optional)", open=False, elem_classes="emz-who"):
            gr.HTML(html.small(f"A file of segments gets an answer for each speaker: {KINDS}."))
            segments = gr.File(label="Segments", show_label=False, height=110), gr.HTML()
    return sources, examples, refused, segments


def _taken(
    visits: Visits,
    sources: Sequence[tuple[Any, Any]],
    examples: Sequence[tuple[gr.Button, Path]],
    places: Sequence[gr.HTML],
) -> list[Any]:
    """The events by which a clip is given to the page. `places` are the player's and that of a refusal."""
    given = [
        event(_taker(visits), source, [*places, source], preprocess=False, show_progress="hidden", **QUICK)
        for source, event in sources
    ]
    chosen = [
        button.click(_example_taker(visits, path), None, list(places), show_progress="hidden", **QUICK)
        for button, path in examples
    ]
    return given + chosen


def _taken_segments(visits: Visits, limits: Limits, file: gr.File, told: gr.HTML) -> Any:
    """The event by which segments are given, for the last clip and the next ones."""

    def take(given: dict[str, Any] | None, request: gr.Request) -> Any:
        if not given:
            return gr.skip(), gr.skip()
        name = given["orig_name"]
        try:
            path = visits.upload_of(Path(given["path"]))
            source = uploaded_segments(path, name, limits)
            visits.take_segments(_session(request), path, source)
        except EmozooError as error:
            return refusal(str(error)), None
        return html.small(summary(source, name)), gr.skip()

    def drop(request: gr.Request) -> str:
        visits.drop_segments(_session(request))
        return ""

    file.clear(drop, None, told, show_progress="hidden", **QUICK)
    return file.upload(take, file, [told, file], preprocess=False, show_progress="hidden", **QUICK)


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
            file = gr.File(label="Sound or video file", show_label=False, height=130)
        with gr.Tab("Microphone"):
            microphone = gr.Audio(sources=["microphone"], type="filepath", editable=False, label="Microphone")
        with gr.Tab("Webcam"):
            size = {"width": {"ideal": 640}, "height": {"ideal": 480}}  # ten times the size of a network's frames
            options = gr.WebcamOptions(mirror=False, constraints={"video": size})
            webcam = gr.Video(sources=["webcam"], include_audio=True, webcam_options=options, label="Webcam")
    return [(file, file.upload), (microphone, microphone.stop_recording), (webcam, webcam.stop_recording)]


def _place_of(shown: Shown) -> gr.HTML:
    """A model's name, its answers, and, for those who want to know, how good it is."""
    with gr.Column(elem_classes="emz-model", min_width=0):
        gr.HTML(html.model(shown.name, shown.model.synthetic))
        output = gr.HTML(waiting())
        with gr.Accordion("How good it is", open=False, elem_classes="emz-about"):
            gr.HTML(html.facts(shown.facts))
            if shown.card:
                gr.Markdown(shown.card, elem_classes="emz-card")
        return output


def _taker(visits: Visits) -> Callable[..., Any]:
    """Takes what a source gives. Returns the player, why it is refused, and None to empty the source."""

    def take(given: dict[str, Any] | None, request: gr.Request) -> Any:
        if not given:  # a recording that was thrown away
            return gr.skip(), gr.skip(), None
        return *_take(visits, request, Path(given["path"]), given["orig_name"]), None

    return take


def _example_taker(visits: Visits, path: Path) -> Callable[..., Any]:
    visits.offer(path)

    def take(request: gr.Request) -> Any:
        return _take(visits, request, path, path.name)

    return take


def _take(visits: Visits, request: gr.Request, path: Path, name: str) -> tuple[Any, str]:
    """The player, and why the clip is refused."""
    try:
        return html.player(visits.take(_session(request), path, name), name), ""
    except EmozooError as error:
        return gr.skip(), refusal(str(error))


def _sound_shower(visits: Visits, limits: Limits) -> Callable[..., Any]:
    def show(request: gr.Request) -> str:
        found = visits.latest(_session(request))
        return html.sound(clip_outline(*found, limits)) if found else ""

    return show


def _answerer(visits: Visits, number: int, shown: Shown, limits: Limits, order: Sequence[str]) -> Callable[..., Any]:
    def respond(request: gr.Request) -> Any:
        found = visits.next(_session(request), number)
        if found is None:  # nothing was given, or the visitor has left
            return gr.skip()
        visit, clip = found
        given = answer(shown.model, visit.files[clip], visit.names[clip], limits, visit.segments[clip])
        visit.clips[clip][number] = given.prediction.without_windows()
        return html.answer(given, shown.model.outputs, order)

    return respond
