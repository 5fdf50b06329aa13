"""Example clips, such as those of the demo page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emozoo.data.synthetic.actors import (
    FACES,
    HEIGHT,
    TOP,
    VOICES,
    WIDTH,
    Utterance,
    cast,
    mix_voices,
    render_frames,
    speak_utterance,
)
from emozoo.data.synthetic.files import to_samples, write_video, write_wav
from emozoo.media.window_shape import SAMPLING_RATE

SEED = [20_080_512, 0]


def write_clips(folder: Path) -> list[Path]:
    """Writes clips to try a model on: audio of each of four emotions, and a video of somebody who is happy, then sad.

    Returns their paths; the audio is the same each time."""
    rng = np.random.default_rng(SEED)
    actors = cast(rng)
    paths = []
    for word, label in (("ang", "angry"), ("hap", "happy"), ("neu", "neutral"), ("sad", "sad")):
        sound, _ = speak_utterance(VOICES[word], actors["F"], 3.5, rng)
        paths.append(folder / f"{label}.wav")
        write_wav(paths[-1], to_samples(sound))
    spoken = []
    end = SAMPLING_RATE // 4
    for word in ("hap", "sad"):
        sound, _ = speak_utterance(VOICES[word], actors["M"], 3.5, rng)
        spoken.append(Utterance(word, 0, end, sound, FACES[word]))
        end += len(sound) + SAMPLING_RATE // 4
    samples = to_samples(mix_voices(spoken, end, rng))
    frames = render_frames([actors["M"]] * 2, spoken, len(samples), rng)
    paths.append(folder / "happy-then-sad.avi")
    write_video(paths[-1], frames[:, TOP : TOP + HEIGHT, :WIDTH], samples)
    return paths
