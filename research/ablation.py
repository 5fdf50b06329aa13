"""Compares settings on dev speakers: `python research/ablation.py NAME --dataset D --data-dir DIR --csv FILE VARIANT...`

A VARIANT is `name` or `name:key=value,key=value`, as `--set` takes them. Each is trained on the folds' training speakers and
measured, with the weights of the last epoch, on their dev speakers; test speakers are never looked at. Results go to a CSV.
"""

from __future__ import annotations

import argparse
import csv
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from emozoo.evaluation.data import open_data
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.loop import Trainer
from emozoo.training.progress import Progress

COLUMNS = [
    "architecture",
    "dataset",
    "labels",
    "variant",
    "settings",
    "folds",
    "seed",
    "dev_ua",
    "each",
    "seconds",
    "commit",
    "hardware",
]
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
    commit = subprocess.run(
        COMMIT, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    ).stdout.strip()
    architecture = get_architecture(asked.architecture)
    data = open_data(asked.dataset, asked.data_dir, asked.labels.split(","), {}, video=architecture.video)
    folds = data.folds(None, 0)
    for variant in asked.variants:
        name, _, settings = variant.partition(":")
        config, recipe = apply_settings(architecture, dict(pair.split("=") for pair in settings.split(",") if pair))
        began, found = time.perf_counter(), []
        for number in map(int, asked.folds.split(",")):
            fold, folder = folds[number - 1], Path(tempfile.mkdtemp(prefix="emozoo-ablation-"))
            trainer = Trainer(
                architecture,
                config,
                recipe,
                data.store,
                data.labels,
                fold.train,
                fold.dev,
                folder,
                seed=f"{asked.seed} fold {number}",
                device="cpu",
                progress=Progress(),
            )
            trainer.run()
            found.append(trainer.history[-1]["dev_ua"])
            shutil.rmtree(folder)
            print(name, number, f"{found[-1]:.3f}", f"{time.perf_counter() - began:.0f} s", flush=True)
        row = {
            "architecture": asked.architecture,
            "dataset": asked.dataset if asked.dataset != "manifest" else Path(asked.data_dir).stem,
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
        fresh = not asked.csv.exists()
        with open(asked.csv, "a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        print(row["variant"], row["dev_ua"], flush=True)


if __name__ == "__main__":
    main()
