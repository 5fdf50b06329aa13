"""What decoding in processes of its own costs: many files through `emozoo.media`, and the same in this process.

python benchmarks/decoding.py [--files 1000] [--times 5]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import imageio_ffmpeg
import numpy as np
import soundfile
from common import heading, process, seconds, table

from emozoo.media import decoder, reading, sound
from emozoo.media.decoders import video

KINDS = (".wav", ".flac", ".mp3", ".m4a", ".mp4")


def write(path: Path, length: float) -> Path:
    """A sound of so many seconds, or a video with test pictures beside it."""
    wav = path.with_suffix(".source.wav")
    soundfile.write(wav, np.random.default_rng(0).normal(0, 0.1, round(16_000 * length)), 16_000)
    pictures = ["-f", "lavfi", "-i", f"testsrc=size=320x240:rate=25:duration={length}"] if path.suffix == ".mp4" else []
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *pictures, "-i", str(wav), str(path)]
    subprocess.run(words, check=True)
    return path


def here(path: Path) -> None:
    sound.read_audio(path)
    if path.suffix == ".mp4":
        video.Video(path).frames(0.0, 48_000)


def apart(path: Path) -> None:
    reading.read_audio(path)
    if path.suffix == ".mp4":
        decoder.Video(path).frames(0.0, 48_000)


def spent(way: Callable[[Path], None], path: Path, files: int) -> float:
    return seconds(lambda: [way(path) for _ in range(files)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=5, help="runs of which the median is told")
    asked = parser.parse_args()
    print(heading(f"Decoding of {asked.files} files of 3 s"))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for kind in KINDS:
            path = write(Path(scratch, f"clip{kind}"), 3.0)
            here(path), apart(path)
            own, other = [], []
            for _ in range(asked.times):
                own.append(spent(here, path, asked.files // asked.times))
                other.append(spent(apart, path, asked.files // asked.times))
            per = asked.files // asked.times / 1e3
            code = "from emozoo.media import {0}; {0}.read_audio({1!r})"
            first = [
                median(seconds(process(sys.executable, "-c", code.format(name, str(path)))) for _ in range(asked.times))
                for name in ("sound", "reading")
            ]
            rows.append([kind, *(f"{x:.2f}" for x in (median(own) / per, median(other) / per, *first))])
    print(
        table(
            (
                "kind",
                "ms a file here",
                "ms a file by emozoo.media",
                "s, first here",
                "s, first by emozoo.media",
            ),
            rows,
        )
    )
    print("One file after the other, in one thread. soundfile reads WAV and FLAC here in either way.")


if __name__ == "__main__":
    main()
