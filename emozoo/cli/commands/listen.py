"""`emozoo listen`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.options import AdaptRecordings, Device, Hop, MinConfidence, Model, Speaker, Vad
from emozoo.errors import EmozooError
from emozoo.text import SCHEMA, json_text

if TYPE_CHECKING:
    import numpy as np

    from emozoo.inference.model import Model as LoadedModel


class Format(StrEnum):
    u8 = "u8"
    s16le = "s16le"
    s24le = "s24le"
    s32le = "s32le"
    f32le = "f32le"
    f64le = "f64le"


Microphone = Annotated[
    bool, typer.Option("--microphone", help="Record the system's microphone. Needs the pip extra microphone.")
]
Rate = Annotated[
    int | None,
    typer.Option(
        metavar="HZ", help="Samples per second. Default: 16000, or the microphone's own rate.", show_default=False
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of channels; their mean is used. Default: 1.", show_default=False),
]
AdaptTo = Annotated[
    AdaptRecordings | None,
    typer.Option(
        help="recordings: adapt each window to the stream so far, once it has held 5 windows of mixed moods.",
        show_default=False,
    ),
]
SampleFormat = Annotated[
    Format | None,
    typer.Option("--format", metavar="FORMAT", help=f"Format of raw samples: {', '.join(Format)}. Default: s16le."),
]


def listen(
    model: Model = DEFAULT,
    microphone: Microphone = False,
    rate: Rate = None,
    channels: Channels = None,
    format_: SampleFormat = None,
    vad: Vad = None,
    hop: Hop = None,
    min_confidence: MinConfidence = 0.0,
    speaker: Speaker = None,
    adapt: AdaptTo = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per window.")] = False,
) -> None:
    """Predict the emotion in live audio, and print one line per second.

    Reads raw samples or WAV from standard input, or records the microphone. Each line answers a window of the model's
    (usually 3 seconds). A window without a voice has a reason, silent or no speech, in place of an emotion.

    Example: ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 - | emozoo listen
    """
    from emozoo.cli.console import say
    from emozoo.cli.tables import show_window
    from emozoo.inference.answers import scale_of
    from emozoo.inference.files import speaker_bias
    from emozoo.inference.options import PredictOptions
    from emozoo.listening.listener import Listener, check_model
    from emozoo.listening.pcm import check_layout, read_ahead, read_pcm
    from emozoo.media.files import find_files

    if speaker and adapt:
        raise EmozooError("--speaker and --adapt recordings both subtract a bias, of the same answers: choose one")
    check_layout(rate, channels)
    recordings = find_files(speaker or [])
    if microphone:
        found, chunks = _microphone(rate, channels, format_)
    else:
        pieces = read_ahead(_standard_input())  # while the model is loaded
    from emozoo.checkpoint.opening import load

    loaded = load(model, device)
    check_model(loaded)
    bias = speaker_bias(loaded, recordings) if recordings else None
    if not microphone:
        found, chunks = read_pcm(pieces, rate, channels, format_ and format_.value)
    adapts = adapt is not None
    options = PredictOptions(bias=bias, vad=vad, hop=hop, min_confidence=min_confidence, adapt_recordings=adapts)
    listener = Listener(loaded, found, options)
    _say_limits(loaded)
    if adapts:
        say("each window is adapted to the stream so far, once that shows several moods")
    for answer in listener.hear(chunks):
        if as_json:
            typer.echo(json_text({"schema": SCHEMA, **scale_of(loaded.outputs), **answer.to_dict()}))
        else:
            show_window(answer, loaded.outputs)


def _microphone(rate: int | None, channels: int | None, format_: Format | None) -> tuple[int, Iterator[np.ndarray]]:
    from emozoo.listening.microphone import open_microphone

    if format_ is not None:
        raise EmozooError("--format describes raw samples on standard input: leave it out with --microphone")
    return open_microphone(rate, channels)


def _standard_input() -> int:
    if sys.stdin is None:
        raise EmozooError("standard input is closed: pipe sound into it, or name --microphone")
    if sys.stdin.isatty():
        raise EmozooError(
            "standard input is a terminal: pipe sound into it, as in "
            "ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 - | emozoo listen, or name --microphone"
        )
    return sys.stdin.fileno()


def _say_limits(model: LoadedModel) -> None:
    from emozoo.cli.console import say
    from emozoo.inference.answers import ONE_SIDED
    from emozoo.listening.listener import DENOISING_SECONDS

    if "video" in model.optional:
        say(ONE_SIDED[("audio",)])
    if model.preparation.denoise:
        say(f"this model removes noise first, so lines can be up to {DENOISING_SECONDS} s late")
