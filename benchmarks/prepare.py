"""Preparing data: decoding into the cache, beside the publication's PNG files, and beside a plain decord loop.

python benchmarks/prepare.py [--utterances 1000]

The publication's way needs librosa, which emozoo does not: pip install librosa
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from common import heading, seconds, table

from emozoo.data import load_dataset
from emozoo.data.corpora.iemocap import corpus as iemocap
from emozoo.data.corpora.toy import write_toy
from emozoo.data.decoding import CLIPS_A_TASK
from emozoo.media.sound import read_audio

CLIPS = 24
"""On which the publication's way is measured."""
WIDTH, HEIGHT = 169, 113
"""To which emozoo scales a frame, so that a speaker's half of it fits 100 x 60."""
SIZES = (200, 500, 1_000)


def published(path: Path, image: Path) -> np.ndarray:
    """A clip as Singh and Fang's public code prepares it: STFT, a figure with axes and colour bar, a PNG, read back."""
    import librosa
    import librosa.display
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    sound, rate = librosa.load(path, sr=16_000)
    decibels = librosa.amplitude_to_db(np.abs(librosa.stft(sound)), ref=np.max)
    figure = plt.figure(figsize=(10, 4))
    librosa.display.specshow(decibels, sr=rate, x_axis="time", y_axis="linear")
    plt.colorbar(format="%+2.0f dB")
    plt.tight_layout()
    plt.savefig(image)
    plt.close(figure)
    return plt.imread(image)


def decord_loop(videos: list[Path], **size: int) -> None:
    """Decodes every frame of every dialogue once."""
    import decord

    for video in videos:
        for frame in decord.VideoReader(str(video), **size):
            frame.asnumpy()


def decoded(folder: Path, video: bool, times: int = 3) -> tuple[float, int]:
    """The least seconds that decoding took, without reading the rows, and the number of clips."""
    best, clips = float("inf"), 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as scratch:
            load = lambda: load_dataset("iemocap", folder, labels=("all",), video=video, cache_dir=scratch)  # noqa: E731
            cold = seconds(load)
            warm = seconds(load)
            clips = len(load())
            best = min(best, cold - warm)
    return best, clips


def sound_rows(sounds: list[Path], folder: Path, scratch: Path) -> tuple[list[list[str]], int]:
    """Rows of the table for sound, and the number of clips."""
    image = scratch / "image.png"
    published(sounds[0], image)
    theirs = seconds(lambda: [published(path, image) for path in sounds[:CLIPS]]) / CLIPS
    audio, clips = decoded(folder, video=False)
    table_file = write_at_48_khz(sounds, scratch / "48 kHz")
    with tempfile.TemporaryDirectory() as kept:
        load = lambda: load_dataset("manifest", table_file, cache_dir=kept)  # noqa: E731
        resampled = (seconds(load) - seconds(load)) / len(sounds)
    rows = [
        ["STFT, figure with colour bar, PNG, read back", f"{1e3 * theirs:.1f}", ""],
        ["emozoo's cache", f"{1e3 * audio / clips:.2f}", f"{theirs / (audio / clips):.0f}"],
        ["emozoo's cache, from 48 kHz", f"{1e3 * resampled:.2f}", f"{theirs / resampled:.0f}"],
    ]
    return rows, clips


def write_at_48_khz(sounds: list[Path], folder: Path) -> Path:
    """The sounds at three times their rate, and the table that names them."""
    folder.mkdir()
    lines = ["file,label"]
    for number, path in enumerate(sounds):
        soundfile.write(folder / f"{number}.wav", np.repeat(read_audio(path), 3), 48_000)
        lines.append(f"{number}.wav,{'ab'[number % 2]}")
    table_file = folder / "table.csv"
    table_file.write_text("\n".join(lines))
    return table_file


def video_rows(videos: list[Path], folder: Path) -> list[list[str]]:
    turns = []
    for _ in range(3):
        plain = seconds(lambda: decord_loop(videos))
        scaled = seconds(lambda: decord_loop(videos, width=WIDTH, height=HEIGHT))
        turns.append((plain, scaled, decoded(folder, video=True, times=1)[0]))
    plain, scaled, ours = sorted(turns, key=lambda turn: turn[0] / turn[2])[1]
    each = 1e3 / len(videos)
    return [
        ["decord, every frame, one process", f"{each * plain:.0f}", ""],
        [f"the same, scaled to {WIDTH} x {HEIGHT}", f"{each * scaled:.0f}", f"{plain / scaled:.2f}"],
        ["emozoo's cache: sound and frames", f"{each * ours:.0f}", f"{plain / ours:.2f}"],
    ]


def memory_row(size: int, kind: str, corpus: Path, cache: Path) -> list[str]:
    words = [sys.executable, str(Path(__file__).with_name("peak_memory.py")), str(corpus), kind, str(cache)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    own, worker = json.loads(done.stdout)
    return [f"{size}, {kind}", f"{own:.0f}", f"{worker:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=1_000)
    utterances = parser.parse_args().utterances
    logging.getLogger("emozoo").setLevel(logging.ERROR)
    print(heading(f"Preparing the toy corpus, {utterances} utterances"))
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        folder = scratch / "toy"
        folder.mkdir()
        write_toy(folder, utterances)
        videos = sorted(folder.rglob("*.avi"))
        rows, clips = sound_rows(sorted(folder.rglob("sentences/wav/*/*.wav")), folder, scratch)
        print(table(("sound", "ms a clip", "times as fast"), rows))
        print(table(("video", "ms a dialogue", "times as fast"), video_rows(videos, folder)))
        rows = []
        for size in SIZES:
            corpus = scratch / str(size)
            corpus.mkdir()
            write_toy(corpus, size)
            rows += [memory_row(size, kind, corpus, scratch / f"cache {size} {kind}") for kind in ("sound", "video")]
        print(table(("utterances", "peak MiB, main process", "peak MiB, a worker"), rows))
    print(f"{len(videos)} dialogues of {clips // len(videos)} clips. {CLIPS_A_TASK} sounds, or the utterances of one")
    print(f"video, go to a process at a time. The corpus is read as {iemocap.name}.")


if __name__ == "__main__":
    main()
