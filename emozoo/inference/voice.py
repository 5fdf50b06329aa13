"""No voice, no emotion: the one rule on which windows and clips get no answer, and why.

A window counts if it has sound and, where speech is searched for, speech. For a model that can do without sound, video is
enough. A clip's answer is the mean over the windows that count; a clip without any gets none.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from emozoo.media import speech
from emozoo.media.speech import SpeechDetector

if TYPE_CHECKING:
    from emozoo.inference.model import Model
    from emozoo.inference.options import PredictOptions

SILENT = "silent"
NO_SPEECH = "no speech"
TOO_SHORT = "too short"
UNSURE = "unsure"
"""The answer is below the confidence that was asked for. Its probabilities are given."""
SHORTEST = 0.1
"""Seconds. A shorter clip holds no voice."""


def searches_speech(model: Model, options: PredictOptions) -> bool:
    """Whether speech is searched for: where it was asked for, or by default where the extra `vad` is installed. A detector
    that learned real voices cannot tell for a model that learned computed ones."""
    return not model.synthetic and speech.is_installed() if options.vad is None else options.vad


def speech_detector(model: Model, options: PredictOptions) -> SpeechDetector | None:
    """One for a clip, where speech is searched for. Raises EmozooError if it was asked for and is not installed."""
    return SpeechDetector() if searches_speech(model, options) else None


def window_reason(
    modalities: Collection[str], share: float | None, seconds: float, optional: Collection[str]
) -> str | None:
    """Why a window gets no answer; None if it gets one.

    `modalities` are those that it has (`emozoo.media.window.modalities_of`), `share` is how much of it is speech (None: not
    searched for), `seconds` how long it is without what is padded, `optional` what the model can do without.
    """
    if "audio" in optional and "video" in modalities:
        return None
    if seconds < SHORTEST:
        return TOO_SHORT
    if "audio" not in modalities:
        return SILENT
    return NO_SPEECH if share == 0 else None


def clip_reason(reasons: Collection[str | None]) -> str | None:
    """Why a clip gets no answer, from its windows' reasons; None if it gets one."""
    if None in reasons:
        return None
    return next((reason for reason in (NO_SPEECH, TOO_SHORT) if reason in reasons), SILENT)


def sentence(reason: str, name: str, seconds: float, shows_nothing: bool) -> str:
    """The error for a clip called `name` without an answer. `shows_nothing`: its video is black, or it has none, and the
    model takes video."""
    if reason == TOO_SHORT:
        return f"{name} lasts {seconds:.2f} s, which is too short for a voice: give {SHORTEST:g} s or more"
    if reason == NO_SPEECH:
        return (
            f"{name} holds no speech: there is no voice in it to answer for; "
            "if somebody speaks in it all the same, switch the search for speech off (--no-vad)"
        )
    return f"{name} is silent{' and shows nothing' if shows_nothing else ''}: there is no voice in it to answer for"
