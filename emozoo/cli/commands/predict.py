"""`emozoo predict`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.many import Address, Asked, EngineBy, EngineName, ShardOf, answer_many
from emozoo.cli.models import load_model, start_decoder
from emozoo.cli.options import (
    Adapt,
    Backend,
    Device,
    Files,
    Hop,
    Json,
    MinConfidence,
    Model,
    Precision,
    PrecisionOf,
    RunBy,
    Speaker,
    Timeout,
    Vad,
)
from emozoo.errors import EmozooError
from emozoo.paths import user_path

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction
    from emozoo.inference.model import Model as LoadedModel
    from emozoo.inference.options import PredictOptions
    from emozoo.target import Outputs


Timeline = Annotated[
    bool, typer.Option("--timeline", help="Show the answers for the model's windows (usually 3 seconds) as well.")
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE.png", help="Draw the timeline of a single file into a PNG file.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table, each line as soon as it is known.")]
AsJsonl = Annotated[bool, typer.Option("--jsonl", help="Print a line of JSON for each file, as soon as it is known.")]
Output = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Write the answers into a folder of Parquet files, a row for each clip, and answer only those without a row. "
        "FILE may then also be a table of files, a dataset hub:USER/NAME or an address such as 's3://bucket/**.wav'.",
        show_default=False,
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Name the set of emotions that holds the true one in this share of cases, as in 0.9, and the interval of each "
        "dimension that holds people's rating. Needs a calibrated model.",
        show_default=False,
    ),
]
Segments = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Answer the segments that this file names, and their speakers: RTTM, CSV, JSON, Audacity labels, WebVTT, SRT. "
        "Or a folder with such a file for each recording.",
        show_default=False,
    ),
]
Diarize = Annotated[
    bool, typer.Option("--diarize", help="Answer the segments that a diarizer plugin finds, and their speakers.")
]
DiarizedBy = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The plugin for --diarize, where several are installed.", show_default=False),
]
AdaptTo = Annotated[
    Adapt | None,
    typer.Option(
        help="recordings: adapt the answers to one another, without the bias that the recordings show together; with "
        "segments, those of each speaker. speaker: adapt each segment to its speaker, with the speaker's other segments.",
        show_default=False,
    ),
]


def predict(
    files: Files,
    model: Model = DEFAULT,
    speaker: Speaker = None,
    segments: Segments = None,
    diarize: Diarize = False,
    diarizer: DiarizedBy = None,
    adapt: AdaptTo = None,
    timeline: Timeline = False,
    hop: Hop = None,
    vad: Vad = None,
    min_confidence: MinConfidence = 0.0,
    coverage: Coverage = None,
    plot: Plot = None,
    as_csv: AsCsv = False,
    as_jsonl: AsJsonl = False,
    backend: RunBy = Backend.torch,
    precision: PrecisionOf = Precision.fp32,
    timeout: Timeout = 20.0,
    output: Output = None,
    engine: EngineBy = EngineName.local,
    address: Address = None,
    shard: ShardOf = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Predict the emotion in sound and video files.

    A file without a voice gets no emotion, but a reason. The exit status is 2 if no file could be answered.
    """
    from emozoo.cli.console import track, warn
    from emozoo.cli.printers import printer_of

    if as_csv + as_json + as_jsonl > 1:
        raise EmozooError("--csv, --json and --jsonl exclude each other: choose one")
    if speaker and adapt is Adapt.recordings:
        raise EmozooError("--speaker and --adapt recordings both subtract a bias, of the same answers: choose one")
    asked = Asked(model, backend, precision, device, engine, address, shard)
    asked.check(output is not None)
    if output is not None and (plot is not None or as_csv or as_jsonl):
        raise EmozooError("--output writes the answers, and --csv, --jsonl and --plot show them: choose one")
    from emozoo.hub.reference import name_of
    from emozoo.inference.checks import check_options
    from emozoo.inference.files import predict_files
    from emozoo.inference.options import PredictOptions
    from emozoo.inference.segment_sources import segment_source
    from emozoo.media.files import find_files

    names = asked.share(find_files(files, warn=warn), str) if output is None else []
    options = PredictOptions(
        timeline=timeline or plot is not None,
        hop=hop,
        vad=vad,
        min_confidence=min_confidence,
        coverage=coverage,
        timeout=timeout,
        segments=segment_source(segments, diarizer or diarize, len(names), timeout),
        adapt_speakers=adapt is Adapt.speaker,
        adapt_recordings=adapt is Adapt.recordings,
    )
    recordings = find_files(speaker or [], warn=warn)
    if output is not None:
        from emozoo.bulk.questions import Predictions

        plain = Predictions(options)  # what cannot be asked costs nothing else
        answer_many(
            asked,
            files,
            lambda loaded: replace(plain, options=_adapted(plain.options, loaded, recordings)),
            output,
            as_json,
        )
        return
    if plot:
        _check_plot(plot, names)
    start_decoder(names)
    loaded = load_model(model, backend, device, precision)
    check_options(loaded, options)
    options = _adapted(options, loaded, recordings)
    printer = printer_of(name_of(model), loaded, options, timeline, as_csv, as_json, as_jsonl)
    answers = []
    for answer in track(predict_files(loaded, names, options, adapted=printer.adapted), "predicting", len(names)):
        answers.append(answer)
        printer.add(answer)
    printer.finish()
    if options.segments is not None and (as_csv or as_json or as_jsonl):  # a table says so itself
        _say_adaptation(answers, options)
    if plot:
        _draw(answers[0], model, loaded.outputs, plot)
    if answers and all(answer.error is not None for answer in answers):
        raise typer.Exit(2)


def _check_plot(plot: Path, names: Sequence[str]) -> None:
    if len(names) != 1:
        raise EmozooError(f"--plot draws one file, not {len(names)}")
    if plot.suffix.lower() != ".png":
        raise EmozooError(f"--plot writes PNG: {plot} must end in .png")
    place = user_path(plot)
    if place.is_dir():
        raise EmozooError(f"--plot {plot} is a folder: name a file in it")
    nearest = next(each for each in place.parents if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise EmozooError(f"--plot {plot} cannot be written, because of {nearest}: name another file")


def _adapted(options: PredictOptions, model: LoadedModel, recordings: Sequence[str]) -> PredictOptions:
    """With the bias of the speaker of `recordings`, where there are any."""
    from emozoo.cli.console import waiting
    from emozoo.inference.files import speaker_bias

    if not recordings:
        return options
    with waiting("adapting to the speaker"):
        return replace(options, bias=speaker_bias(model, recordings))


def _say_adaptation(answers: Sequence[Prediction], options: PredictOptions) -> None:
    """What was done to segments."""
    from emozoo.cli.console import say
    from emozoo.cli.segment_tables import adapted_segments, adapted_to_speakers

    if options.adapt_speakers:
        say(adapted_to_speakers(answers))
    if options.adapt_recordings:
        say(adapted_segments(answers))


def _draw(answer: Prediction, model: str, outputs: Outputs, plot: Path) -> None:
    """Draws a file's windows, if it was answered."""
    from emozoo.cli.console import say, waiting
    from emozoo.plots import over_time
    from emozoo.plots.outline import read_outline

    if answer.windows is None:
        return
    try:
        with waiting("drawing"):
            sound = read_outline(answer.file)
            heading = (Path(answer.file).name, f"model: {model}")
            over_time.timeline(answer.windows, outputs.labels, plot, sound, outputs.scale, answer.dimensions, heading)
    except EmozooError as error:  # by the error's own way, a second document would follow that of --json
        say(f"error: {error}")
        raise typer.Exit(2) from None
