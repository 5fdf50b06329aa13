"""Synthetic voices and drawn faces, and how they express emotions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from emozoo.media.window_shape import SAMPLING_RATE

FRAME_RATE = 10
# One actor's part of the frame, and the rows above it: a quarter of IEMOCAP's size.
WIDTH = 90
HEIGHT = 64
TOP = 28


@dataclass(frozen=True)
class Voice:
    """How an emotion sounds."""

    pitch: float  # factor on the speaker's own
    melody: float  # swing of the pitch from accent to accent, in octaves
    glide: float  # octaves from the first syllable to the last
    tempo: float  # syllables a second
    tilt: float  # the n-th harmonic is n ** -tilt as strong as the first: small is shrill, large is dull
    breath: float  # noise against the voice
    level: float  # dB of full scale


@dataclass(frozen=True)
class Face:
    """How an emotion looks; lengths in pixels of a part of `WIDTH` x `HEIGHT`."""

    smile: float  # how far the corners of the mouth are above its middle
    frown: float  # how far the inner ends of the brows are below the outer ones
    lift: float  # of the brows
    eyes: float  # half their height
    flush: float  # red (or pale, where negative), of 255
    bow: float  # how far the head hangs
    sway: float  # of the head


@dataclass(frozen=True)
class Actor:
    """What stays the same whatever the emotion."""

    pitch: float  # Hz
    formants: float  # factor on a man's
    skin: tuple[int, ...]
    hair: tuple[int, ...]
    wall: tuple[int, ...]
    width: float  # of the face, in pixels from its middle
    gain: float  # dB, of the microphone


@dataclass(frozen=True)
class Turn:
    """What an actor is asked to do."""

    word: str  # the label file's
    speaks: str  # F or M
    vague: str  # what does not tell the emotion from its neighbour: "sound", "face" or neither


@dataclass(frozen=True)
class Utterance:
    """What came of it."""

    name: str
    seat: int  # 0: on the left
    start: int  # samples
    sound: np.ndarray  # float [samples]
    face: Face


VOICES = {
    "neu": Voice(pitch=1.0, melody=0.12, glide=-0.1, tempo=3.8, tilt=1.3, breath=0.04, level=-24),
    "hap": Voice(pitch=1.6, melody=0.35, glide=0.3, tempo=4.6, tilt=1.1, breath=0.02, level=-20),
    "ang": Voice(pitch=1.4, melody=0.12, glide=-0.4, tempo=6.0, tilt=0.3, breath=0.25, level=-17),
    "sad": Voice(pitch=0.9, melody=0.05, glide=-0.3, tempo=2.0, tilt=2.2, breath=0.1, level=-30),
}
FACES = {
    "neu": Face(smile=0, frown=0, lift=0, eyes=3.0, flush=0, bow=0, sway=0.7),
    "hap": Face(smile=6, frown=0, lift=4, eyes=2.4, flush=25, bow=-2, sway=1.8),
    "ang": Face(smile=-3, frown=5, lift=-1, eyes=2.0, flush=50, bow=0, sway=1.2),
    "sad": Face(smile=-4, frown=-4, lift=1, eyes=1.6, flush=-30, bow=4, sway=0.4),
}
# A third of the sounds lie midway between the two of a pair, and another third of the faces: alone, each tells 5 of 6
# at best, without luck. The pairs differ, so audio and video together tell them all.
SOUNDS_LIKE = {"hap": "ang", "ang": "hap", "neu": "sad", "sad": "neu"}
LOOKS_LIKE = {"hap": "neu", "neu": "hap", "ang": "sad", "sad": "ang"}
BLENDS = {"exc": ("hap", "hap"), "fru": ("ang", "neu"), "xxx": ("hap", "sad")}  # The labels that are rarely asked for.
# Hz of a man's first three formants: Peterson and Barney, "Control methods used in a study of the vowels", 1952.
VOWELS = {
    "la": (730, 1090, 2440),
    "li": (270, 2290, 3010),
    "lu": (300, 870, 2240),
    "le": (530, 1840, 2480),
    "lo": (570, 840, 2410),
}


def cast(rng: np.random.Generator) -> dict[str, Actor]:
    """A woman, F, and a man, M."""
    return {"F": _cast(rng, 195, 1.17), "M": _cast(rng, 115, 1.0)}


def _cast(rng: np.random.Generator, pitch: float, formants: float) -> Actor:
    def colour(low: Sequence[int], high: Sequence[int]) -> tuple[int, ...]:
        return tuple(int(value) for value in rng.integers(low, high))

    return Actor(
        pitch=pitch * rng.uniform(0.88, 1.14),
        formants=formants * rng.uniform(0.95, 1.05),
        skin=colour((150, 110, 85), (205, 150, 120)),
        hair=colour((10, 10, 10), (90, 60, 40)),
        wall=colour((60, 60, 60), (150, 170, 170)),
        width=rng.uniform(17, 20),
        gain=rng.uniform(-2, 2),
    )


def _between(one: Any, other: Any) -> Any:
    return type(one)(*((a + b) / 2 for a, b in zip(astuple(one), astuple(other), strict=True)))


def express_mood(turn: Turn, rng: np.random.Generator) -> tuple[Voice, Face]:
    """The voice and the face of an utterance: its emotion's, or vague, and never twice the same."""
    sound = face = BLENDS.get(turn.word, (turn.word, turn.word))
    if turn.vague == "sound":
        sound = (turn.word, SOUNDS_LIKE[turn.word])
    elif turn.vague == "face":
        face = (turn.word, LOOKS_LIKE[turn.word])
    a, b = _between(VOICES[sound[0]], VOICES[sound[1]]), _between(FACES[face[0]], FACES[face[1]])
    spread = np.array([0.08, 0.04, 0.08, 0.35, 0.15, 0.02, 2.0]) * rng.standard_normal(7)
    voice = Voice(*(np.array(astuple(a)) + spread))
    spread = np.array([0.8, 0.8, 0.7, 0.3, 9.0, 0.8, 0.2]) * rng.standard_normal(7)
    return voice, Face(*(np.array(astuple(b)) + spread))


def speak_utterance(
    voice: Voice, actor: Actor, seconds: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """The sound, float [samples], and its syllables: a pulse train with noise, through a vowel's formants in each."""
    time = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    accents = np.sin(np.pi * voice.tempo * time + rng.uniform(0, 2 * np.pi))
    vibrato = 0.02 * np.sin(2 * np.pi * 5.5 * time)
    octaves = voice.melody * accents + voice.glide * (time / seconds - 0.5) + vibrato
    pitch = actor.pitch * voice.pitch * 2.0**octaves
    # One period, read off a table at the running phase: every harmonic below 7.5 kHz, so that none folds back.
    harmonics = np.arange(1, max(2, int(7_500 / pitch.max())))
    angles = 2 * np.pi * np.arange(1_024) / 1_024
    period = harmonics**-voice.tilt @ np.cos(np.outer(harmonics, angles))
    source = np.interp(np.cumsum(pitch) / SAMPLING_RATE % 1, angles / (2 * np.pi), period, period=1)
    source = source / source.std() + voice.breath * rng.standard_normal(len(time))

    sound = np.zeros(len(time))
    edges = np.linspace(0, len(time), max(2, round(seconds * max(1.5, voice.tempo))) + 1).astype(int)
    syllables = [list(VOWELS)[index] for index in rng.integers(len(VOWELS), size=len(edges) - 1)]
    for syllable, first, last in zip(syllables, edges[:-1], edges[1:], strict=True):
        shape = np.sin(np.pi * np.linspace(0, 1, last - first)) ** 0.8 * rng.uniform(0.7, 1)
        spectrum = np.fft.rfft(source[first:last] * shape, 16_384)
        frequency = np.linspace(0, SAMPLING_RATE / 2, len(spectrum))
        gain = sum(
            1 / (1 + ((frequency - actor.formants * formant) / (60 + formant / 12)) ** 2)
            for formant in VOWELS[syllable]
        )
        sound[first:last] += np.fft.irfft(spectrum * (gain + 0.03))[: last - first]
    loudness = 10 ** ((voice.level + actor.gain) / 20)
    return loudness * sound / np.sqrt(np.mean(sound**2)), syllables


def mix_voices(spoken: list[Utterance], samples: int, rng: np.random.Generator) -> np.ndarray:
    """What is heard of a dialogue, over a little noise: float [samples]."""
    sound = rng.normal(0, 0.0006, samples)
    for one in spoken:
        sound[one.start : one.start + len(one.sound)] += one.sound
    return sound


def render_frames(actors: list[Actor], spoken: list[Utterance], samples: int, rng: np.random.Generator) -> np.ndarray:
    """The frames of a dialogue, uint8 [frames, 120, 180, 3]: who does not speak keeps still, with a plain face."""
    step = SAMPLING_RATE // FRAME_RATE
    count = -(-samples // step)
    frames = np.zeros((count, 120, 2 * WIDTH, 3), np.uint8)
    for seat, actor in enumerate(actors):
        poses = np.tile(astuple(FACES["neu"]), (count, 1))
        mouth = np.zeros(count)
        for one in spoken:
            if one.seat == seat:
                spoken_frames = np.arange(one.start // step, (one.start + len(one.sound)) // step + 1)
                poses[spoken_frames] = astuple(one.face)
                around = np.clip(spoken_frames * step - one.start, 0, len(one.sound) - step)
                loudness = np.array([np.sqrt(np.mean(one.sound[at : at + step] ** 2)) for at in around])
                mouth[spoken_frames] = 3.5 * loudness / loudness.max()
        phase = rng.uniform(0, 2 * np.pi)
        for at in range(0, count, 16):  # A few at a time: they stay in the processor's cache.
            some = slice(at, at + 16)
            part = _draw_actor(actor, np.arange(count)[some], poses[some], mouth[some], phase)
            frames[some, TOP : TOP + HEIGHT, seat * WIDTH : (seat + 1) * WIDTH] = part
    return frames


def _draw_actor(actor: Actor, numbers: np.ndarray, poses: np.ndarray, mouth: np.ndarray, phase: float) -> np.ndarray:
    """An actor's part of the frames, uint8 [frames, HEIGHT, WIDTH, 3], of `Face` values [frames, 7] and mouths [frames]."""
    smile, frown, lift, eyes, flush, bow, sway = (column[:, None, None].astype(np.float32) for column in poses.T)
    time = numbers[:, None, None].astype(np.float32) / FRAME_RATE
    opening = mouth[:, None, None].astype(np.float32)
    # Each pixel's place from the face's middle, in pixels; the face is symmetric, so only the distance |x| counts.
    x = np.abs(np.arange(WIDTH, dtype=np.float32) - WIDTH / 2 - sway * np.sin(4 * time + phase))
    y = np.arange(HEIGHT, dtype=np.float32)[:, None] - HEIGHT / 2 - bow - 0.5 * sway * np.sin(7 * time)
    planes = np.empty((3, *np.broadcast_shapes(x.shape, y.shape)), np.float32)  # colours first: fastest

    def paint(inside: Any, colour: Any) -> None:
        """Paints where `inside`, the distance in pixels from the shape's edge, is positive; the edge is soft."""
        share = np.clip(inside + 0.5, 0, 1)
        for plane, value in zip(planes, colour, strict=True):
            plane += share * (value - plane)

    def ellipse(height: Any, width: float, down: float, along: float = 0) -> np.ndarray:
        return (1 - np.sqrt(((x - along) / width) ** 2 + ((y - down) / height) ** 2)) * np.minimum(height, width)

    for plane, value in zip(planes, actor.wall, strict=True):
        plane[:] = value
    paint(ellipse(29, actor.width + 4, -2), actor.hair)
    red, green, blue = actor.skin
    paint(ellipse(25, actor.width, 2), (red + 0.6 * flush, green - 0.9 * flush, blue - 0.9 * flush))
    paint(ellipse(np.maximum(eyes, 0.5), 4, -4, 8), (245, 245, 245))
    paint(ellipse(np.clip(eyes, 0.5, 2), 2, -4, 8), (20, 20, 20))
    brow = y + 11 + lift + frown * (x - 8) / 9
    paint(np.minimum(1.3 - np.abs(brow), 5 - np.abs(x - 8)), (25, 15, 10))
    lips = y - 14 + smile * ((x / 9) ** 2 - 0.5)
    paint(np.minimum(1.3 + opening * (1 - (x / 9) ** 2) - np.abs(lips), 9 - x), (120, 20, 30))
    return np.moveaxis(np.clip(planes, 0, 255), 0, -1).astype(np.uint8)
