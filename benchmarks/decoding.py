"""What it costs to decode in separate processes: many files through `emozoo.media`, and the same in this process.

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
    """A sound of so many seconds, or a test video with it."""
    wav = path.with_suffix(".source.wav")
    soundfile.write(wav, np.random.default_rng(0).normal(0, 0.1, round(16_000 * length)), 16_000)
    test_video = (
        ["-f", "lavfi", "-i", f"testsrc=size=320x240:rate=25:duration={length}"] if path.suffix == ".mp4" else []
    )
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *test_video, "-i", str(wav), str(path)]
    subprocess.run(command, check=True)
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
    parser.add_argument("--times", type=int, default=5, help="runs, whose median is printed")
    asked = parser.parse_args()
    print(heading(f"Decoding of {asked.files} files of 3 s"))
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            row_of(write(Path(scratch, f"clip{kind}"), 3.0), asked.files // asked.times, asked.times) for kind in KINDS
        ]
    columns = ("kind", "ms a file here", "ms a file by emozoo.media", "s, first here", "s, first by emozoo.media")
    print(table(columns, rows))
    print("One file after the other, in one thread. soundfile reads WAV and FLAC in this process in both ways.")


def row_of(path: Path, files: int, times: int) -> list[str]:
    """Milliseconds a file, and seconds of a process that reads its first one, both here and by emozoo.media."""
    here(path)
    apart(path)
    own, other = [], []
    for _ in range(times):
        own.append(spent(here, path, files))
        other.append(spent(apart, path, files))
    code = "from emozoo.media import {0}; {0}.read_audio({1!r})"
    first = [
        median(seconds(process(sys.executable, "-c", code.format(name, str(path)))) for _ in range(times))
        for name in ("sound", "reading")
    ]
    each = (1e3 * median(own) / files, 1e3 * median(other) / files, *first)
    return [path.suffix, *(f"{number:.2f}" for number in each)]


if __name__ == "__main__":
    main()
