"""How often the speech detector finds no speech in recordings of speech: `python research/speech.py TABLE.csv`.

TABLE.csv has the columns `file`, relative to it, and `corpus`. The rule is that of `emozoo predict --vad`: a clip without
speech in any of its windows gets no answer.
"""

from __future__ import annotations

import csv
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace

from emozoo.inference.clips import as_clip
from emozoo.inference.cuts import ClipReader
from emozoo.inference.options import PredictOptions
from emozoo.inference.voice import NO_SPEECH, clip_reason
from emozoo.media.preparation import PLAIN

ANY_MODEL = SimpleNamespace(video=False, optional=(), preparation=PLAIN, synthetic=False)


def main() -> None:
    table = Path(sys.argv[1])
    found: dict[str, list[tuple[bool, float]]] = {}
    for row in csv.DictReader(table.open(encoding="utf-8")):
        reader = ClipReader(as_clip(table.parent / row["file"]), ANY_MODEL, PredictOptions(vad=True))  # type: ignore[arg-type]
        reason = clip_reason({cut.reason for cut in reader.cuts()})
        found.setdefault(row["corpus"], []).append((reason == NO_SPEECH, reader.speech or 0.0))
    print("| corpus | clips | without speech | median share of speech |\n|---|---|---|---|")
    for corpus, clips in found.items():
        missed, share = sum(lost for lost, _ in clips), statistics.median(share for _, share in clips)
        print(f"| {corpus} | {len(clips):,} | {missed} ({missed / len(clips):.1%}) | {share:.2f} |", flush=True)


if __name__ == "__main__":
    main()
