"""Compares recipes of the published networks by their dev speakers: `python research/recipes.py FOLDER COMMIT`

FOLDER is that of the runs of research/studies/recipes.yaml, and COMMIT the code that they ran with. Rows go into
results/recipes.csv: UA on the dev speakers of each fold at its best epoch, which chooses, and on its test speakers.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from emozoo.checkpoint.run import read_record
from results import row_of, store


def recipe_row(run: Path, commit: str) -> dict[str, str]:
    row = row_of(run, commit)
    found = []
    for number in range(1, int(row["folds"]) + 1):
        record = read_record(run / f"fold{number}")
        assert record is not None
        training = record.training
        found.append(next(each["dev_ua"] for each in training.history if each["epoch"] == training.best_epoch))
    names = ("architecture", "dataset", "labels", "protocol", "folds", "seed", "clips")
    dev = {"dev_ua": f"{statistics.fmean(found):.4f}", "each": " ".join(f"{ua:.3f}" for ua in found)}
    rest = ("ua", "ua_std", "epochs", "command", "commit", "hardware")
    return {**{name: row[name] for name in names}, **dev, **{name: row[name] for name in rest}}


def main(folder: str, commit: str) -> None:
    rows = [recipe_row(run, commit) for run in sorted(Path(folder).iterdir()) if (run / "summary.json").is_file()]
    store("recipes.csv", rows)
    for row in rows:
        print(f"{100 * float(row['dev_ua']):.1f} {100 * float(row['ua']):.1f} {row['command']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
