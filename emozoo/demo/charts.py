"""Emotions over time and a clip's sound, as HTML and SVG in the page's own colours.

Unlike `emozoo.plots`, whose pictures stand for themselves, these follow the page: its width, its font, light and dark.
"""

from __future__ import annotations

import base64
import io
import itertools
import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from emozoo.inference.answers import WindowAnswer
from emozoo.inference.segment_answers import SegmentAnswer
from emozoo.plots.colours import emotion_colours, ink_on, on_dark
from emozoo.plots.outline import Outline
from emozoo.plots.over_time import NOBODY, Course, course

TICKS = (*(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60), *(120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400))
"""Seconds between the numbers on an axis."""
MOST_TICKS = 7
WAVE_COLUMNS = 400
FAINTEST = -70.0
"""Decibels below the loudest that a spectrogram shows."""
MOST_SPEAKERS = 12
NAMELESS = "speaker?"
TOLD_STEPS = 20
"""Stretches of a course that its description names."""


def colour_styles(labels: Iterable[str]) -> dict[str, str]:
    """For each label, the CSS variables of its colour and of the ink on it, on a light page and on a dark one."""
    return {
        label: f"--l:{light};--d:{(dark := on_dark(light))};--li:{ink_on(light)};--di:{ink_on(dark)}"
        for label, light in emotion_colours(labels).items()
    }


def course_chart(windows: Sequence[WindowAnswer], labels: Sequence[str]) -> str:
    """The likeliest label over time, and a lane with each label's probability."""
    answers = course(windows, labels)
    styles = colour_styles(labels)
    edges = answers.edges
    lanes = "".join(
        lane(escape(label), f'<svg viewBox="0 0 {edges[-1]:.3f} 1" preserveAspectRatio="none" aria-hidden="true">'
              f'<path class="emz-ink" style="{styles[label]}" d="{_stairs(edges, answers.probabilities[:, place])}"/></svg>')
        for place, label in enumerate(labels)
    )  # fmt: skip
    step = "" if answers.step is None else f", means of {answers.step:.0f} s"
    return (
        f'<figure class="emz-chart emz-course" role="img" aria-label="{escape(_description(answers, labels))}">'
        f"<figcaption>Emotion over time{step}</figcaption>"
        f"{_ribbon(answers, labels, styles)}{lanes}{axis(edges[-1])}</figure>"
    )


def turns_chart(segments: Sequence[SegmentAnswer], labels: Sequence[str]) -> str:
    """Who speaks when, in which emotion: a lane for each speaker, the one who speaks first above. Without `labels`, just
    who."""
    length = max(segment.end for segment in segments) or 1.0
    styles = colour_styles(labels)
    by_speaker: dict[str, list[SegmentAnswer]] = {}
    for segment in sorted(segments, key=lambda segment: segment.start):
        by_speaker.setdefault(segment.speaker, []).append(segment)
    lanes = "".join(
        lane(escape(speaker or NAMELESS), "".join(_segment(each, length, styles) for each in own), "emz-segments")
        for speaker, own in itertools.islice(by_speaker.items(), MOST_SPEAKERS)
    )
    return (
        '<figure class="emz-chart" role="img" aria-label="Emotion of each speaker over time">'
        f"<figcaption>Speakers over time</figcaption>{lanes}{axis(length)}</figure>"
    )


def _segment(segment: SegmentAnswer, length: float, styles: dict[str, str]) -> str:
    emotion, values = segment.emotion, segment.ratings or segment.dimensions or {}
    word = segment.reason or ("no answer" if segment.scores is None else "none" if segment.probabilities else "")
    name = ", ".join(segment.emotions or ()) or emotion or word
    numbers = [f"{dimension} {value:.2f}" for dimension, value in values.items()]
    said = ": ".join(filter(None, [", ".join(filter(None, [name, *numbers])), segment.text]))
    look = "emz-spoken" if segment.dimensions and not segment.probabilities else "emz-nobody"
    look, style = (look, "") if emotion is None else ("", styles[emotion])
    return box(name, segment.start, segment.end, length, look, style, said)


def _ribbon(answers: Course, labels: Sequence[str], styles: dict[str, str]) -> str:
    boxes = ""
    for best, start, end in _stretches(answers):
        name = "no voice" if best == NOBODY else labels[best]
        look, style = ("emz-nobody", "") if best == NOBODY else ("", styles[name])
        boxes += box(name, start, end, answers.edges[-1], look, style)
    return lane("", boxes, "emz-ribbon")


def box(name: str, start: float, end: float, length: float, look: str, style: str, said: str = "") -> str:
    """A coloured box in a track of so many seconds, with its name where that fits, and `said` to who points at it."""
    width = 100 * (end - start) / length
    text = escape(name) if width > 1.4 * len(name) else ""
    title = escape(f"{said or name}, {start:.1f} to {end:.1f} s")
    return (
        f'<i class="emz-ink {look}" style="left:{100 * start / length:.3f}%;width:{width:.3f}%;{style}" '
        f'title="{title}">{text}</i>'
    )


def _stretches(answers: Course) -> Iterable[tuple[int, float, float]]:
    """Steps with the same likeliest label together: its number, where they begin and end."""
    best = answers.likeliest
    begins = [*np.flatnonzero(np.diff(best, prepend=NOBODY - 1)).tolist(), len(best)]
    for begin, after in itertools.pairwise(begins):
        yield int(best[begin]), answers.edges[begin], answers.edges[after]


def _description(answers: Course, labels: Sequence[str]) -> str:
    told = [
        f"{start:.0f} to {end:.0f} s {'no voice' if best == NOBODY else labels[best]}"
        for best, start, end in itertools.islice(_stretches(answers), TOLD_STEPS)
    ]
    return f"Emotion over time: {'; '.join(told)}"


def _stairs(edges: Sequence[float], heights: np.ndarray) -> str:
    """The area under steps of 0 to 1, as an SVG path. y grows downwards."""
    steps = "".join(
        f"V{1 - height:.3f}H{end:.3f}" for height, (_, end) in zip(heights, itertools.pairwise(edges), strict=True)
    )
    return f"M0,1{steps}V1Z"


def sound_chart(outline: Outline) -> str:
    """A clip's wave and spectrogram."""
    seconds = outline.seconds
    wave = (
        f'<svg viewBox="0 -1 {seconds:.3f} 2" preserveAspectRatio="none" aria-hidden="true">'
        f'<path fill="currentColor" d="{_wave(outline)}"/></svg>'
    )
    shown = 100 * outline.decibels.shape[1] * outline.step / seconds
    image = f"url(data:image/png;base64,{base64.b64encode(_levels(outline)).decode()})"
    spectrogram = f'<i style="width:{shown:.3f}%;mask-image:{image};-webkit-mask-image:{image}"></i>'
    return (
        f'<figure class="emz-chart emz-sound" role="img" aria-label="Wave and spectrogram of the clip, {seconds:.1f} s">'
        f"<figcaption>Wave and spectrogram</figcaption>{lane('', wave, 'emz-wave')}"
        f"{lane('<small>8 kHz</small><small>4</small><small>0</small>', spectrogram, 'emz-spectrogram')}"
        f"{axis(seconds)}</figure>"
    )


def _wave(outline: Outline) -> str:
    """The area between the lowest and the highest samples, as an SVG path."""
    size = math.ceil(len(outline.lowest) / WAVE_COLUMNS)
    begins = np.arange(0, len(outline.lowest), size)
    least = np.minimum.reduceat(outline.lowest, begins)
    most = np.maximum.reduceat(outline.highest, begins)
    loudest = max(float(np.abs([least, most]).max()), 0.05)
    times = np.minimum((begins + size / 2) * outline.wave_step, outline.seconds)
    above = " ".join(f"{at:.3f},{-height / loudest - 0.01:.3f}" for at, height in zip(times, most, strict=True))
    below = " ".join(
        f"{at:.3f},{0.01 - depth / loudest:.3f}" for at, depth in zip(times[::-1], least[::-1], strict=True)
    )
    return f"M{above} L{below}Z"


def _levels(outline: Outline) -> bytes:
    """The spectrogram as a PNG whose opacity is the level: high frequencies above."""
    from PIL import Image

    shares = np.clip(1 - outline.decibels[::-1] / FAINTEST, 0, 1)
    opacity = np.round(255 * shares).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.stack([np.zeros_like(opacity), opacity], axis=-1)).save(file, format="png")
    return file.getvalue()


def axis(seconds: float) -> str:
    """Times below the lanes."""
    step = next((step for step in TICKS if seconds / step <= MOST_TICKS), TICKS[-1])
    marks = [step * number for number in range(int(seconds / step) + 1) if step * number <= 0.97 * seconds]
    return lane(
        "",
        "".join(
            f'<small style="left:{100 * mark / seconds:.2f}%">{_clock(mark, seconds)}</small>' for mark in marks
        ),
        "emz-axis",
    )  # fmt: skip


def _clock(second: float, length: float) -> str:
    if length <= 120:
        return f"{second:g} s"
    if length <= 3600:
        return f"{second // 60:.0f}:{second % 60:02.0f}"
    return f"{second // 3600:.0f}:{second % 3600 // 60:02.0f} h"


def lane(name: str, content: str, look: str = "") -> str:
    return f'<div class="emz-lane {look}"><span>{name}</span><div class="emz-track">{content}</div></div>'
