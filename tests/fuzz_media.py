"""Mutates media files and decodes them as `emozoo predict` does, in a process that is watched. A script, not a test:

    python tests/fuzz_media.py --files 5000 --seed 0

Counts the files that end that process, hold it for more than 20 s, or make it or a process that decodes for it take more
than 2 GB. Exits with 1 where there are any, and keeps those files in --keep. The seeds are the files of tests/cases.
"""

from __future__ import annotations

import argparse
import collections
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

CASES = Path(__file__).parent / "cases"
HANG_SECONDS, MEMORY = 20.0, 2 * 10**9
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
CHILD = [sys.executable, str(Path(__file__)), "--child"]


def seeds() -> list[bytes]:
    files = sorted(path for kind in ("media", "hostile") for path in (CASES / kind).rglob("*") if path.is_file())
    return [path.read_bytes() for path in files if path.suffix not in (".md", ".py")]


def mutated(data: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """One to eight changes, every other one near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        place = draw.randrange(min(len(changed), draw.choice((64, 1024, len(changed)))) or 1)
        kind = draw.randrange(7)
        if kind == 0:
            changed[place : place + 1] = draw.randbytes(1)
        elif kind == 1:
            size = draw.choice((1, 2, 4, 8))
            number = draw.choice(NUMBERS) % 2 ** (8 * size)
            changed[place : place + size] = number.to_bytes(size, draw.choice(("big", "little")))
        elif kind == 2:
            del changed[place : place + draw.choice((1, 4, 64, 4096))]
        elif kind == 3:
            changed[place:place] = changed[place : place + draw.choice((4, 64, 4096))]
        elif kind == 4:
            changed[place : place + 64] = draw.randbytes(64)
        elif kind == 5:
            other = draw.choice(others)
            begin = draw.randrange(len(other))
            changed[place : place + 256] = other[begin : begin + 256]
        elif len(changed) > 64:
            del changed[draw.randrange(32, len(changed)) :]
    return bytes(changed)


def child() -> None:
    """Decodes the files named on standard input; a line for each: what came of it."""
    from support.models import cuts_of

    from emozoo.errors import EmozooError

    for line in sys.stdin:
        try:
            windows = sum(1 for _ in cuts_of(line.rstrip("\n"), video=True, optional=("audio", "video")))
            print("answered" if windows else "nothing", flush=True)
        except EmozooError as error:
            print("lost its decoder" if "ends the process" in str(error) else "refused", flush=True)


class Watched:
    """A child, and how much memory it and what it started took at most since it was last asked."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.memory = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        own = psutil.Process(self.process.pid)
        while self.process.poll() is None:
            for process in (own, *_children(own)):
                try:
                    self.memory = max(self.memory, process.memory_info().rss)
                except psutil.Error:
                    pass
            time.sleep(0.02)

    def ask(self, path: Path) -> tuple[str, float, int]:
        """What came of it, seconds, bytes."""
        assert self.process.stdin and self.process.stdout
        self.memory, begun = 0, time.monotonic()
        watch = threading.Timer(3 * HANG_SECONDS, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
            outcome = self.process.stdout.readline().strip()
        except OSError:
            outcome = ""
        watch.cancel()
        return outcome or f"crashed ({self.process.wait()})", time.monotonic() - begun, self.memory


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def files(count: int, seed: int, folder: Path) -> Iterator[Path]:
    own = seeds()
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        path = folder / f"{number}.bin"
        path.write_bytes(mutated(draw.choice(own), own, draw))
        yield path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that were counted")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child()
        return 0
    counts: collections.Counter[str] = collections.Counter()
    slowest, largest, begun = 0.0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched()
        for path in files(asked.files, asked.seed, Path(folder)):
            outcome, seconds, memory = watched.ask(path)
            faults = [name for name, over in (("hang", seconds > HANG_SECONDS), ("memory", memory > MEMORY)) if over]
            faults += ["crash"] if outcome.startswith("crashed") else []
            counts.update([outcome, *faults])
            slowest, largest = max(slowest, seconds), max(largest, memory)
            if faults:
                print(
                    f"{path.name}: {', '.join(faults)}; {outcome}, {seconds:.1f} s, {memory / 1e6:.0f} MB", flush=True
                )
                if asked.keep:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    path.rename(asked.keep / path.name)
            path.unlink(missing_ok=True)
            if outcome.startswith("crashed"):
                watched = Watched()
        watched.process.stdin.close()  # type: ignore[union-attr]
        watched.process.wait()
    found = {name: counts.pop(name, 0) for name in ("crash", "hang", "memory")}
    print(f"{asked.files} files in {time.monotonic() - begun:.0f} s: {dict(counts)}")
    print(f"slowest {slowest:.1f} s, largest {largest / 1e6:.0f} MB; crashes, hangs, over memory: {found}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
