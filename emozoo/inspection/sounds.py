"""What the sound of a corpus' clips shows: silence, clipping, odd lengths, and labels that differ in more than emotion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.inspection.findings import Finding, clips
from emozoo.media.window import SILENT
from emozoo.media.window_shape import SAMPLING_RATE

FULL_SCALE = 32768
PIECE = 512
"""Samples of which a spectrum is taken."""
FRAME = 320
"""Samples of a frame: 20 ms."""
LOWEST = -96.0
"""dB of what is below the smallest 16-bit sample."""
VOICED = -70.0
"""A frame above this level, in dB below full scale, holds sound that a network can hear."""
FEWEST_SECONDS = 0.2
"""A clip with less such sound is nearly empty."""
SHORT = 0.4
LONG = 30.0
"""Seconds: of utterances, few are outside."""
CLIPPED = 0.001
"""A clip with this share of its samples in the flat tops of clipping, one in a thousand, sounds distorted."""
OFTEN = 0.01
"""Fewer clips that are clipped do no harm."""
FLAT = 3
"""Equal samples in a row at the peak of a clip: sound that was not clipped hardly ever has them."""
LOUD = 0.1
"""Flat tops are looked for in clips whose peak is above this share of full scale."""
NARROW = -60.0
"""dB: a clip with less of its energy above 4 kHz comes from a telephone."""
TELLS = 0.95
"""A property tells a label from others if clips of it have more of it, or less, in this share of pairs with other clips."""
SURELY = 0.99
"""From this share on, that is no way of speaking, but one of recording."""
FEWEST_CLIPS = 10
"""Of a label and of the others, for such a statement."""


@dataclass(frozen=True)
class Sound:
    """The properties of one clip."""

    seconds: float
    peak: float
    """0 to 1."""
    level: float
    """dB below full scale, of the whole clip."""
    floor: float
    """dB below full scale, of its quietest tenth."""
    heard: float
    """Seconds that are louder than `VOICED`."""
    clipped: float
    """The share of samples in flat tops."""
    high: float
    """dB: the energy above 4 kHz, relative to all."""


def sound_of(waveform: np.ndarray) -> Sound:
    """The properties of int16 [samples] at 16 kHz."""
    count = len(waveform)
    values = waveform.astype(np.float32)
    magnitude = np.abs(values)
    peak = float(magnitude.max(initial=0.0))
    frames = values[: count // FRAME * FRAME].reshape(-1, FRAME)
    levels = _db(np.mean(frames**2, axis=1) / FULL_SCALE**2) if len(frames) else np.full(1, LOWEST)
    return Sound(
        seconds=count / SAMPLING_RATE,
        peak=peak / FULL_SCALE,
        level=float(_db(np.mean(values**2) / FULL_SCALE**2)) if count else LOWEST,
        floor=float(np.percentile(levels, 10)),
        heard=float((levels > VOICED).sum() * FRAME / SAMPLING_RATE),
        clipped=_flat(values, peak) / count if count and peak > LOUD * FULL_SCALE else 0.0,
        high=_above_4_khz(values),
    )


def _db(power: Any) -> np.ndarray:
    return np.maximum(10 * np.log10(np.maximum(power, 1e-12)), LOWEST)


def _flat(values: np.ndarray, peak: float) -> int:
    """Samples at full scale, or in runs of `FLAT` and more at the highest or the lowest value."""
    flat = np.abs(values) >= FULL_SCALE - 2
    for end in (values.max(), values.min()):
        if abs(end) < LOUD * FULL_SCALE:
            continue
        edges = np.diff(np.concatenate([[0], values == end, [0]]).astype(np.int8))
        for start, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            if stop - start >= FLAT:
                flat[start:stop] = True
    return int(flat.sum())


def _above_4_khz(values: np.ndarray) -> float:
    count = len(values) // PIECE
    if not count:
        return 0.0
    # A window, because the jump from a piece's end to its beginning would be heard above 4 kHz.
    pieces = values[: count * PIECE].reshape(count, PIECE) * np.hanning(PIECE).astype(np.float32)
    power = (np.abs(np.fft.rfft(pieces)) ** 2).sum(0)
    upper = power[int(len(power) * 4200 / (SAMPLING_RATE / 2)) :]
    return float(10 * np.log10((upper.sum() + 1e-9) / (power.sum() + 1e-9)))


def sound_findings(names: Sequence[str], labels: Sequence[str], sounds: Sequence[Sound]) -> Iterator[Finding]:
    """What is wrong with clips of these names, and what tells their labels apart beside the voice ("" for no label)."""
    left = set(range(len(sounds)))
    for kind, problem, told, is_so in _WRONG:
        found = [number for number in sorted(left) if is_so(sounds[number])]
        if kind != "clipped":  # what a clip lacks is told once
            left -= {*found}
        few = kind == "clipped" and len(found) < OFTEN * len(sounds)
        if found:
            own = tuple(names[number] for number in found)
            yield Finding(kind, f"{clips(len(found))} {told}", problem and not few, own)
    for what, value in _TELLING:
        yield from _telling(what, [value(sound) for sound in sounds], labels)


_WRONG: tuple[tuple[str, bool, str, Callable[[Sound], bool]], ...] = (
    ("silent", True, "without any sound", lambda sound: sound.peak <= SILENT),
    ("empty", True, f"with less than {FEWEST_SECONDS:g} s of sound", lambda sound: sound.heard < FEWEST_SECONDS),
    ("short", True, f"shorter than {SHORT:g} s", lambda sound: sound.seconds < SHORT),
    ("long", False, f"longer than {LONG:g} s: one label for so long may not fit all of it", lambda s: s.seconds > LONG),
    ("clipped", True, "distorted: recorded too loud, their peaks are cut off", lambda sound: sound.clipped >= CLIPPED),
    ("narrow", False, "without anything above 4 kHz, as from a telephone", lambda s: s.high < NARROW),
)
_TELLING: tuple[tuple[tuple[str, str], Callable[[Sound], float]], ...] = (
    (("longer", "shorter"), lambda sound: sound.seconds),
    (("louder", "quieter"), lambda sound: sound.level),
    (("noisier in their pauses", "less noisy in their pauses"), lambda sound: sound.floor),
    (("brighter", "duller"), lambda sound: sound.high),
)


def _telling(words: tuple[str, str], values: Sequence[float], labels: Sequence[str]) -> Iterator[Finding]:
    """For each label that a property alone tells from the others: `TELLS` of the pairs of clips are in one order."""
    ranks = _ranks(np.array(values))
    known = np.array(labels)
    for label in sorted({*labels} - {""}):
        own = known == label
        others = (known != "") & ~own
        if min(own.sum(), others.sum()) < FEWEST_CLIPS:
            continue
        share = _share_above(ranks[own], ranks[others])
        sure = max(share, 1 - share)
        if sure >= TELLS:
            told = f"clips labelled {label} are {words[share < 0.5]} than the others in {sure:.0%} of pairs"
            text = f"{told}: a network may learn that instead of the emotion"
            yield Finding("telling", text, problem=sure >= SURELY)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Equal values have equal ranks."""
    return np.unique(values, return_inverse=True)[1]


def _share_above(own: np.ndarray, others: np.ndarray) -> float:
    """The share of pairs in which the first has more; equal ones count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, own, side="left") + np.searchsorted(ordered, own, side="right")
    return float(below.mean() / 2 / len(others))
