"""The toy corpus as a table that can be changed, and trainings on it."""

import csv
from pathlib import Path
from typing import Any

from emozoo.checkpoint.run import RunOptions
from emozoo.training.progress import Progress
from support.small import NETWORK, RECIPE, toy

LABELS = "happy,sad,angry,neutral"
Row = dict[str, str]


def toy_rows(**more: str) -> list[Row]:
    """The clips of the small toy corpus as rows of a table."""
    from emozoo.data import load_dataset

    rows = load_dataset("toy", data_dir=toy(), labels=LABELS.split(","))
    names = rows.features["label"].names
    return [
        {"file": path, "label": names[label], "speaker": speaker, "utterance_id": identity, **more}
        for path, label, speaker, identity in zip(
            rows["audio_path"][:], rows["label"][:], rows["speaker"][:], rows["utterance_id"][:], strict=True
        )
    ]


def table(path: Path, rows: list[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def options(data: Path, **changes: Any) -> RunOptions:
    known = {"architecture": "cnn", "dataset": "manifest", "labels": tuple(LABELS.split(",")), "protocol": "group-3"}
    recipe = {**NETWORK, **RECIPE, "epochs": "1"}
    return RunOptions(**{**known, "data_dir": str(data), "settings": recipe, **changes})  # type: ignore[arg-type]


class Heard(Progress):
    """What a training told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def message(self, text: str) -> None:
        self.told.append(text)

    def epoch(self, record: dict[str, Any], total: int, is_best: bool) -> None:
        self.told.append("epoch")
