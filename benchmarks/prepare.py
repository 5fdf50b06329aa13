"""Preparing data: decoding into the cache, beside the publication's way, PNG files, and beside a plain decord loop.

python benchmarks/prepare.py [--utterances 1000]

The publication's way needs librosa, which emozoo does without: pip install librosa
"""

from __future__ import annotations

import argparse
import io
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
"""That the publication's way is measured on."""
WIDTH, HEIGHT = 169, 113
"""To which emozoo scales a picture, so that a speaker's half of it fits 100 x 60."""
SIZES = (200, 500, 1_000)
PEAK = """
import json, resource, sys
from emozoo.data.loading import load_dataset
load_dataset("iemocap", sys.argv[1], labels=("all",), video=sys.argv[2] == "video", cache_dir=sys.argv[3])
own = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))  # of this program alone
print(json.dumps([own / 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


def published(path: Path, picture: Path) -> np.ndarray:
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
    plt.savefig(picture)
    plt.close(figure)
    return plt.imread(picture)


def decord_loop(videos: list[Path], **size: int) -> None:
    """Every picture of every dialogue once, as decord gives them."""
    import decord

    for video in videos:
        for picture in decord.VideoReader(str(video), **size):
            picture.asnumpy()


def decoded(folder: Path, video: bool, times: int = 3) -> tuple[float, int]:
    """The least seconds that decoding took, the rows' reading left out, and the clips."""
    best, clips = float("inf"), 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as scratch:
            load = lambda: load_dataset("iemocap", folder, labels=("all",), video=video, cache_dir=scratch)  # noqa: E731
            cold = seconds(load)
            warm = seconds(load)
            clips = len(load())
            best = min(best, cold - warm)
    return best, clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=1_000)
    utterances = parser.parse_args().utterances
    logging.getLogger("emozoo").setLevel(logging.ERROR)
    print(heading(f"Preparing the toy corpus, {utterances} utterances"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "toy")
        folder.mkdir()
        write_toy(folder, utterances)
        sounds = sorted(folder.rglob("sentences/wav/*/*.wav"))
        videos = sorted(folder.rglob("*.avi"))
        high = Path(scratch, "48 kHz")
        high.mkdir()
        lines = ["file,label"]
        for number, path in enumerate(sounds):
            sound = read_audio(path)
            soundfile.write(high / f"{number}.wav", np.repeat(sound, 3), 48_000)
            lines.append(f"{number}.wav,{'ab'[number % 2]}")
        (high / "table.csv").write_text("\n".join(lines))

        picture = Path(scratch, "picture.png")
        published(sounds[0], picture)
        theirs = seconds(lambda: [published(path, picture) for path in sounds[:CLIPS]]) / CLIPS
        audio, clips = decoded(folder, video=False)
        with tempfile.TemporaryDirectory() as kept:
            load = lambda: load_dataset("manifest", high / "table.csv", cache_dir=kept)  # noqa: E731
            resampled = (seconds(load) - seconds(load)) / len(sounds)
        rows = [
            ["STFT, figure with colour bar, PNG, read back", f"{1e3 * theirs:.1f}", ""],
            ["emozoo's cache", f"{1e3 * audio / clips:.2f}", f"{theirs / (audio / clips):.0f}"],
            ["emozoo's cache, from 48 kHz", f"{1e3 * resampled:.2f}", f"{theirs / resampled:.0f}"],
        ]
        print(table(("sound", "ms a clip", "times as fast"), rows))

        turns = []
        for _ in range(3):
            plain = seconds(lambda: decord_loop(videos))
            scaled = seconds(lambda: decord_loop(videos, width=WIDTH, height=HEIGHT))
            turns.append((plain, scaled, decoded(folder, video=True, times=1)[0]))
        plain, scaled, ours = sorted(turns, key=lambda turn: turn[0] / turn[2])[1]
        rows = [
            ["decord, every picture, one process", f"{1e3 * plain / len(videos):.0f}", ""],
            [f"the same, scaled to {WIDTH} x {HEIGHT}", f"{1e3 * scaled / len(videos):.0f}", f"{plain / scaled:.2f}"],
            ["emozoo's cache: sound and frames", f"{1e3 * ours / len(videos):.0f}", f"{plain / ours:.2f}"],
        ]
        print(table(("video", "ms a dialogue", "times as fast"), rows))

        rows = []
        for size in SIZES:
            corpus = Path(scratch, str(size))
            corpus.mkdir()
            write_toy(corpus, size)
            for kind in ("sound", "video"):
                words = [sys.executable, "-c", PEAK, str(corpus), kind, str(Path(scratch, f"cache {size} {kind}"))]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                own, worker = json.load(io.StringIO(done.stdout))
                rows.append([f"{size}, {kind}", f"{own:.0f}", f"{worker:.0f}"])
        print(table(("utterances", "peak MiB, main process", "peak MiB, a worker"), rows))
    print(f"{len(videos)} dialogues of {clips // len(videos)} clips. {CLIPS_A_TASK} sounds, or the utterances of one")
    print(f"video, go to a process at a time. The corpus is read as {iemocap.name}.")


if __name__ == "__main__":
    main()
