"""Makes the computed voices in emozoo/demo/voices, which the demo page offers where a model knows real voices.

apt-get install espeak-ng && python research/voices.py

They are speech to a speech detector, which the voices of the dataset toy are not. No person was recorded.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

from emozoo.data.synthetic.actors import FACES, HEIGHT, SAMPLING_RATE, TOP, WIDTH, Utterance, cast, render_frames
from emozoo.data.synthetic.files import to_samples, write_video
from emozoo.media.reading import read_audio

FOLDER = Path(__file__).resolve().parents[1] / "emozoo" / "demo" / "voices"
VOICES: dict[str, tuple[list[str], str]] = {  # file: how espeak-ng speaks, what it says
    "quick-voice": (
        ["-v", "en-us+f3", "-p", "75", "-s", "190"],
        "Oh, look at that! I never thought we would see it.",
    ),
    "plain-voice": (
        ["-v", "en-gb", "-p", "45", "-s", "150"],
        "The train leaves at a quarter past nine, from platform two.",
    ),
    "low-voice": (
        ["-v", "en-gb+m3", "-p", "20", "-s", "125"],
        "There is nobody left there. I have been told to go home.",
    ),
}
SEED = [20_080_512, 7]
MP3 = ["-ac", "1", "-ar", "16000", "-b:a", "32k", "-map_metadata", "-1", "-fflags", "+bitexact"]
MP4 = [
    *("-c:v", "libx264", "-preset", "veryslow", "-crf", "32", "-vf", "scale=360:-2", "-c:a", "aac", "-b:a", "32k"),
    *("-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"),
]


def encode(source: Path, target: Path, options: list[str]) -> None:
    subprocess.run([get_ffmpeg_exe(), "-y", "-v", "error", "-i", source, *options, target], check=True)


def film(voices: list[Path], folder: Path) -> None:
    """A face that speaks with two of the voices, one after the other."""
    rng = np.random.default_rng(SEED)
    actor = cast(rng)["F"]
    spoken, end = [], SAMPLING_RATE // 5
    for word, voice in zip(("hap", "sad"), voices, strict=True):
        sound = read_audio(voice).astype(float)
        spoken.append(Utterance(word, 0, end, sound, FACES[word]))
        end += len(sound) + SAMPLING_RATE // 5
    heard = np.zeros(end)
    for one in spoken:
        heard[one.start : one.start + len(one.sound)] += one.sound
    frames = render_frames([actor] * 2, spoken, end, rng)
    write_video(folder / "film.avi", frames[:, TOP : TOP + HEIGHT, :WIDTH], to_samples(heard))
    encode(folder / "film.avi", FOLDER / "face-and-voice.mp4", MP4)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        waves = {name: folder / f"{name}.wav" for name in VOICES}
        for name, (how, text) in VOICES.items():
            subprocess.run(["espeak-ng", *how, "-w", waves[name], text], check=True)
            encode(waves[name], FOLDER / f"{name}.mp3", MP3)
        film([waves["quick-voice"], waves["low-voice"]], folder)


if __name__ == "__main__":
    main()
