"""`emozoo predict`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.options import Device, Json, Model, Speaker, print_json
from emozoo.errors import EmozooError


class Backend(StrEnum):
    torch = "torch"
    onnx = "onnx"


def predict(
    files: Annotated[
        list[str], typer.Argument(help="Sound or video files, folders, or patterns such as 'clips/*.mp4'.")
    ],
    model: Model = DEFAULT,
    speaker: Speaker = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also the answer for each window of 3 s, one a second.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the timeline of one file as a PNG.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    backend: Annotated[
        Backend,
        typer.Option(help="onnx: run what emozoo export wrote, without torch; starts in a fraction of the time."),
    ] = Backend.torch,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds that decoding a file may take beyond its length; then the next one's turn."
        ),
    ] = 20.0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Say which emotion a voice, or a voice and a face, show. The exit status is 2 when no file could be answered."""
    from emozoo.cli.console import say, track, waiting, warn
    from emozoo.cli.tables import adapted_with, show_predictions
    from emozoo.inference.answers import write_csv

    if as_csv and as_json:
        raise EmozooError("--csv and --json exclude each other")
    from emozoo.hub.reference import name_of
    from emozoo.inference.answers import document
    from emozoo.inference.files import hear_speaker, predict_files
    from emozoo.media.decoder import prepare
    from emozoo.media.files import find_files
    from emozoo.media.sound import begins_as_sound_file

    names, voice = find_files(files, warn=warn), find_files(speaker or [], warn=warn)
    if plot and len(names) != 1:
        raise EmozooError(f"--plot draws one file, not {len(names)}")
    if plot and plot.suffix.lower() != ".png":
        raise EmozooError(f"--plot writes PNG: {plot} must end in .png")
    if any(not begins_as_sound_file(name) for name in names):
        prepare()  # it starts while the model is loaded
    loaded: Any
    if backend is Backend.onnx:
        from emozoo.checkpoint import onnx_model

        loaded = onnx_model.load(model, device)
    else:
        from emozoo.checkpoint.loading import load

        loaded = load(model, device)
    bias = None
    if voice:
        with waiting("listening to the speaker"):
            bias = hear_speaker(loaded, voice)
    answers = list(
        track(
            predict_files(loaded, names, timeline=timeline or plot is not None, bias=bias, timeout=timeout),
            "predicting",
            len(names),
        )
    )
    if plot and answers[0].windows is not None:
        from emozoo.plots import over_time
        from emozoo.plots.outline import read_outline

        with waiting("drawing"):
            over_time.timeline(answers[0].windows, loaded.labels, plot, read_outline(names[0]))
    if as_json:
        told = document(name_of(model), loaded.labels, answers, timeline)
        if bias:
            predictions = told.pop("predictions")
            told |= {"speaker": {"recordings": bias.recordings}, "predictions": predictions}
        print_json(told)
    elif as_csv:
        if bias:
            say(adapted_with(bias))
        write_csv(answers, loaded.labels, timeline)
    else:
        show_predictions(answers, loaded.labels, timeline, bias)
    if as_json or as_csv:
        for answer in answers:
            if answer.error is not None:
                warn(answer.error)
    if all(answer.error is not None for answer in answers):
        raise typer.Exit(2)
