"""How many clips are answered into a folder: by this process and by Ray, from the disk and from an object store that answers
late: `python benchmarks/scale.py FOLDER [MODEL]`, with a folder of recordings. Without a folder: how many answers of others
the command writes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import heading, seconds, table

from emozoo import load
from emozoo.bulk.answer_folder import AnswerFolder
from emozoo.bulk.questions import Predictions, table_of
from emozoo.bulk.run import answer_into
from emozoo.bulk.source import Source
from emozoo.media.files import find_files

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
FEW = 8
"""Clips of a run that shows what starting costs."""
LATENCIES = (0.0, 0.2, 0.8)
"""Seconds before each answer of the object store."""
TOGETHER = 256
"""Answers in a table of them, as from a worker."""
FROM_STORE = 400
"""Clips that are answered from it."""


def run(files: list[str], *words: str) -> float:
    """The same, of files of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "clips.csv"
        listed.write_text("file\n" + "".join(f'"{file}"\n' for file in files), encoding="utf-8")
        return answered(str(listed), list(words))


def answered(clips: str, words: list[str]) -> float:
    """Seconds of a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emozoo", "predict", clips, "--output", f"{folder}/answers", *words]
        return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def row(name: str, count: int, whole: float, start: float) -> list[str]:
    each = (whole - start) / (count - FEW)
    return [name, f"{count:,}", f"{start:.1f}", f"{whole:.1f}", f"{1 / each:.1f}", f"{each * 1e6 / 3600:.1f}"]


def from_store(files: list[str], words: list[str]) -> list[list[str]]:
    """The clips, copied into an object store on loopback."""
    from support.object_store import BUCKET, object_store

    rows = []
    with object_store() as store:
        for number, file in enumerate(files):
            place = f"{BUCKET}/{'few' if number < FEW else 'more'}/{number}{Path(file).suffix}"
            store.file_system().pipe_file(place, Path(file).read_bytes())
        for latency in LATENCIES:
            store.latency = latency
            start, whole = (answered(f"s3://{BUCKET}/{folder}", words) for folder in ("few", "**"))
            rows.append(row(f"{1000 * latency:.0f} ms", len(files), whole, start))
            print(*rows[-1], file=sys.stderr)
    return rows


def writing() -> str:
    """As a table: rows a second, where the answers cost nothing."""
    model = load("speech", device="cpu")
    schema = Predictions().schema(model)
    sources = [Source(f"s3://bucket/calls/{number:08}.wav", "") for number in range(200_000)]
    answer = {"emotion": "happy", "probabilities": dict.fromkeys(model.labels, 0.25)}

    def engine(asked: Sequence[Source]) -> Iterator[Any]:
        for begin in range(0, len(asked), TOGETHER):
            rows = [{"file": source.file, **answer} for source in asked[begin : begin + TOGETHER]]
            yield table_of(rows, schema)

    with tempfile.TemporaryDirectory() as folder:
        steps = answer_into(AnswerFolder(folder, {"model": "speech"}), sources, engine)
        took = seconds(lambda: list(steps))
        again = seconds(lambda: list(answer_into(AnswerFolder(folder, {"model": "speech"}), sources, engine)))
    columns = ["", "rows", "s", "rows a second"]
    return table(
        columns,
        [
            [what, f"{len(sources):,}", f"{each:.1f}", f"{len(sources) / each:,.0f}"]
            for what, each in (("written", took), ("found to be there", again))
        ],
    )


def main() -> None:
    if len(sys.argv) == 1:
        print(heading("Answers that cost nothing"))
        print(writing())
        return
    folder, *model = sys.argv[1:]
    words = ["--model", *model] if model else []
    files = [str(Path(file).resolve()) for file in find_files([folder])]
    print(heading("Many clips"))
    columns = ["", "clips", "s to start", "s", "clips a second", "hours for a million"]
    rows = []
    for name, engine in (("this process", []), ("--engine ray", ["--engine", "ray"])):
        start = run(files[:FEW], *words, *engine)
        rows.append(row(name, len(files), run(files, *words, *engine), start))
        print(*rows[-1], file=sys.stderr)
    print(table(columns, rows))
    print(table(["an object store that waits for", *columns[1:]], from_store(files[:FROM_STORE], words)))


if __name__ == "__main__":
    main()
