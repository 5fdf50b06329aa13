"""`emozoo predict`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.options import Device, Json, Model, Speaker, print_json
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.inference.adaptation import SpeakerBias
    from emozoo.inference.answers import Model as LoadedModel
    from emozoo.inference.answers import Prediction


class Backend(StrEnum):
    torch = "torch"
    onnx = "onnx"


Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Sound or video files, folders, or quoted patterns such as 'clips/*.mp4'."),
]
Timeline = Annotated[
    bool, typer.Option("--timeline", help="Show the answers for windows of 3 seconds as well, one per second.")
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE.png", help="Draw the timeline of a single file into a PNG file.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]
RunBy = Annotated[
    Backend,
    typer.Option(help="onnx: run the model that emozoo export wrote. It needs no torch, and starts much faster."),
]
Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Give up on a file if decoding it takes this many seconds longer than the file lasts.",
    ),
]


def predict(
    files: Files,
    model: Model = DEFAULT,
    speaker: Speaker = None,
    timeline: Timeline = False,
    plot: Plot = None,
    as_csv: AsCsv = False,
    backend: RunBy = Backend.torch,
    timeout: Timeout = 20.0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Predict the emotion in sound and video files.

    The exit status is 2 if no file could be answered.
    """
    from emozoo.cli.console import track, warn

    if as_csv and as_json:
        raise EmozooError("--csv and --json exclude each other")
    from emozoo.inference.files import predict_files
    from emozoo.media.files import find_files

    names = find_files(files, warn=warn)
    recordings = find_files(speaker or [], warn=warn)
    if plot:
        _check_plot(plot, names)
    _start_decoder(names)
    loaded = _load(model, backend, device)
    bias = _bias(loaded, recordings)
    found = predict_files(loaded, names, timeline=timeline or plot is not None, bias=bias, timeout=timeout)
    answers = list(track(found, "predicting", len(names)))
    if plot:
        _draw(answers[0], loaded.labels, plot)
    if as_json:
        _print_json(model, loaded.labels, answers, timeline, bias)
    elif as_csv:
        _print_csv(loaded.labels, answers, timeline, bias)
    else:
        from emozoo.cli.tables import show_predictions

        show_predictions(answers, loaded.labels, timeline, bias)
    if all(answer.error is not None for answer in answers):
        raise typer.Exit(2)


def _check_plot(plot: Path, names: Sequence[str]) -> None:
    if len(names) != 1:
        raise EmozooError(f"--plot draws one file, not {len(names)}")
    if plot.suffix.lower() != ".png":
        raise EmozooError(f"--plot writes PNG: {plot} must end in .png")


def _start_decoder(names: Iterable[str]) -> None:
    """Starts the decoding process where a file needs it, so that it is ready when the model is loaded."""
    from emozoo.media.decoder import prepare
    from emozoo.media.sound import begins_as_sound_file

    if any(not begins_as_sound_file(name) for name in names):
        prepare()


def _load(reference: str, backend: Backend, device: str) -> LoadedModel:
    if backend is Backend.onnx:
        from emozoo.checkpoint import onnx_model

        return onnx_model.load(reference, device)
    from emozoo.checkpoint.loading import load

    return load(reference, device)


def _bias(model: LoadedModel, recordings: Sequence[str]) -> SpeakerBias | None:
    from emozoo.cli.console import waiting
    from emozoo.inference.files import speaker_bias

    if not recordings:
        return None
    with waiting("adapting to the speaker"):
        return speaker_bias(model, recordings)


def _draw(answer: Prediction, labels: Sequence[str], plot: Path) -> None:
    from emozoo.cli.console import waiting
    from emozoo.plots import over_time
    from emozoo.plots.outline import read_outline

    if answer.windows is None:  # the file could not be answered
        return
    with waiting("drawing"):
        over_time.timeline(answer.windows, labels, plot, read_outline(answer.file))


def _print_json(
    reference: str, labels: Sequence[str], answers: Sequence[Prediction], timeline: bool, bias: SpeakerBias | None
) -> None:
    from emozoo.hub.reference import name_of
    from emozoo.inference.answers import document

    print_json(document(name_of(reference), labels, answers, timeline, bias))
    _warn_of_errors(answers)


def _print_csv(labels: Sequence[str], answers: Sequence[Prediction], timeline: bool, bias: SpeakerBias | None) -> None:
    from emozoo.cli.console import say
    from emozoo.cli.tables import adapted_with
    from emozoo.inference.answers import write_csv

    if bias:
        say(adapted_with(bias))
    write_csv(answers, labels, timeline)
    _warn_of_errors(answers)


def _warn_of_errors(answers: Iterable[Prediction]) -> None:
    from emozoo.cli.console import warn

    for answer in answers:
        if answer.error is not None:
            warn(answer.error)
