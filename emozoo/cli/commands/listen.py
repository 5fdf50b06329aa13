"""`emozoo listen`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.options import Device, Model, Speaker
from emozoo.errors import EmozooError
from emozoo.text import json_text


class Format(StrEnum):
    u8 = "u8"
    s16le = "s16le"
    s24le = "s24le"
    s32le = "s32le"
    f32le = "f32le"
    f64le = "f64le"


def listen(
    model: Model = DEFAULT,
    microphone: Annotated[
        bool, typer.Option("--microphone", help="Hear the system's microphone (pip extra microphone).")
    ] = False,
    rate: Annotated[
        int | None, typer.Option(help="Samples a second. Default: 16000; the microphone's own.", show_default=False)
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Of which the mean is heard. Default: 1.", show_default=False)
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Of raw samples, as ffmpeg calls it. Default: s16le.")
    ] = None,
    vad: Annotated[
        bool, typer.Option("--vad", help="Leave out windows in which nobody speaks (pip extra vad).")
    ] = False,
    speaker: Speaker = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each window.")] = False,
) -> None:
    """Answer what comes in on standard input, raw samples or WAV, or from the microphone: a line for each window of 3 s.

    Such as: ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 - | emozoo listen
    """
    from emozoo.cli.console import say
    from emozoo.cli.tables import show_window
    from emozoo.inference.answers import ONE_SIDED
    from emozoo.inference.files import hear_speaker
    from emozoo.listening.listener import DENOISING_SECONDS, Listener, check_model
    from emozoo.listening.pcm import check_layout, read_ahead, read_pcm
    from emozoo.media.files import find_files

    check_layout(rate, channels)
    voice = find_files(speaker or [])
    if microphone:
        from emozoo.listening.microphone import open_microphone

        if format_ is not None:
            raise EmozooError("--format is of raw samples on standard input: leave it out with --microphone")
        found, chunks = open_microphone(rate, channels)
    else:
        pieces = read_ahead(_standard_input())
    from emozoo.checkpoint.loading import load

    loaded = load(model, device)
    check_model(loaded)
    bias = hear_speaker(loaded, voice) if voice else None
    if not microphone:
        found, chunks = read_pcm(pieces, rate, channels, format_ and format_.value)
    listener = Listener(loaded, found, bias=bias, skip_pauses=vad)
    if "video" in loaded.optional:
        say(ONE_SIDED[("audio",)])
    if loaded.preparation.denoise:
        say(f"this model takes out noise first, for which lines come up to {DENOISING_SECONDS} s late")
    for answer in listener.hear(chunks):
        if as_json:
            typer.echo(json_text(vars(answer)))
        else:
            show_window(answer, loaded.labels)


def _standard_input() -> int:
    if sys.stdin is None:
        raise EmozooError("standard input is closed: pipe sound into it, or name --microphone")
    if sys.stdin.isatty():
        raise EmozooError(
            "standard input is a terminal: pipe sound into it, as in "
            "ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 16000 - | emozoo listen, or name --microphone"
        )
    return sys.stdin.fileno()
