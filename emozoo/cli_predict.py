"""The command that answers files: `predict`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from emozoo import bundled
from emozoo.cli_options import Device, Json, Model, Speaker, print_json
from emozoo.errors import EmozooError


class Backend(StrEnum):
    torch = "torch"
    onnx = "onnx"


def predict(
    files: Annotated[
        list[str], typer.Argument(help="Sound or video files, folders, or patterns such as 'clips/*.mp4'.")
    ],
    model: Model = bundled.DEFAULT,
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
    from emozoo import render

    if as_csv and as_json:
        raise EmozooError("--csv and --json exclude each other")
    from emozoo import decoder
    from emozoo.media_files import find_files
    from emozoo.predict import document, hear_speaker, predict_files
    from emozoo.reference import name_of
    from emozoo.sound import begins_as_sound_file

    names, voice = find_files(files, warn=render.warn), find_files(speaker or [], warn=render.warn)
    if plot and len(names) != 1:
        raise EmozooError(f"--plot draws one file, not {len(names)}")
    if plot and plot.suffix.lower() != ".png":
        raise EmozooError(f"--plot writes PNG: {plot} must end in .png")
    if any(not begins_as_sound_file(name) for name in names):
        decoder.prepare()  # it starts while the model is loaded
    loaded: Any
    if backend is Backend.onnx:
        from emozoo import onnx_model

        loaded = onnx_model.load(model, device)
    else:
        from emozoo.model import load

        loaded = load(model, device)
    lean = None
    if voice:
        with render.waiting("listening to the speaker"):
            lean = hear_speaker(loaded, voice)
    answers = list(
        render.track(
            predict_files(loaded, names, timeline=timeline or plot is not None, lean=lean, timeout=timeout),
            "predicting",
            len(names),
        )
    )
    if plot and answers[0].windows is not None:
        from emozoo import plots
        from emozoo.outline import read_outline

        with render.waiting("drawing"):
            plots.timeline(answers[0].windows, loaded.labels, plot, read_outline(names[0]))
    if as_json:
        told = document(name_of(model), loaded.labels, answers, timeline)
        if lean:
            predictions = told.pop("predictions")
            told |= {"speaker": {"recordings": lean.recordings}, "predictions": predictions}
        print_json(told)
    elif as_csv:
        if lean:
            render.say(render.adapted_with(lean))
        render.write_csv(answers, loaded.labels, timeline)
    else:
        render.show_predictions(answers, loaded.labels, timeline, lean)
    if as_json or as_csv:
        for answer in answers:
            if answer.error is not None:
                render.warn(answer.error)
    if all(answer.error is not None for answer in answers):
        raise typer.Exit(2)
