"""Compares settings on dev speakers: `python research/ablation.py NAME --dataset D --data-dir DIR --csv FILE VARIANT...`

A VARIANT is `name` or `name:key=value,key=value`, as `--set` takes them. Each is trained on the folds' training speakers and
measured on their dev speakers, with the weights of the last epoch. Test speakers are never used. Results go to a CSV.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from emozoo.architecture import Architecture
from emozoo.evaluation.data import Data, open_data
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer

COLUMNS = "architecture,dataset,labels,variant,settings,folds,seed,dev_ua,each,seconds,commit,hardware".split(",")
COMMIT = ["git", "describe", "--always", "--dirty"]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__))
    parser.add_argument("architecture")
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--labels", default="happy,sad,angry,neutral")
    parser.add_argument("--folds", default="1,2,3,4,5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(__file__).parent
    commit = subprocess.run(COMMIT, capture_output=True, text=True, check=True, cwd=folder).stdout.strip()
    architecture = get_architecture(asked.architecture)
    data = open_data(asked.dataset, asked.data_dir, asked.labels.split(","), {}, video=architecture.video)
    place = Path(asked.data_dir or "")
    for variant in asked.variants:
        name, _, settings = variant.partition(":")
        began = time.perf_counter()
        found = list(dev_uas(architecture, data, name, settings, list(map(int, asked.folds.split(","))), asked.seed))
        row = {
            "architecture": asked.architecture,
            "dataset": place.stem if place.suffix else asked.dataset,
            "labels": asked.labels.replace(",", " "),
            "variant": name,
            "settings": settings,
            "folds": len(found),
            "seed": asked.seed,
            "dev_ua": f"{statistics.mean(found):.4f}",
            "each": " ".join(f"{ua:.3f}" for ua in found),
            "seconds": round(time.perf_counter() - began),
            "commit": commit,
            "hardware": f"cpu ({platform.machine()}), {platform.system()}",
        }
        append(asked.csv, row)
        print(row["variant"], row["dev_ua"], flush=True)


def dev_uas(
    architecture: Architecture, data: Data, name: str, settings: str, numbers: list[int], seed: int
) -> Iterator[float]:
    """UA of a variant on the dev speakers of each fold."""
    config, recipe = apply_settings(architecture, dict(pair.split("=") for pair in settings.split(",") if pair))
    folds = data.folds(None, 0)
    for number in numbers:
        fold, began = folds[number - 1], time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="emozoo-ablation-") as folder:
            trainer = Trainer(
                ModelSpec(architecture, config, data.labels),
                recipe,
                TrainingClips(data.store, fold.train, fold.dev),
                Path(folder),
                seed=f"{seed} fold {number}",
                compute=Compute("cpu"),
            )
            trainer.run()
        last = trainer.history[-1]
        assert last.dev is not None, "each fold has a dev split"
        ua = last.dev.ua
        print(name, number, f"{ua:.3f}", f"{time.perf_counter() - began:.0f} s", flush=True)
        yield ua


def append(path: Path, row: dict[str, Any]) -> None:
    fresh = not path.exists()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
