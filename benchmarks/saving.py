"""How long an epoch takes to save, with and without waiting until it is on the disk.

python benchmarks/saving.py [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import heading, pairs, table
from safetensors.torch import save_file

from emozoo.checkpoint.model import EmotionModel
from emozoo.filenames import RESUME
from emozoo.paths import atomic
from emozoo.registry.loading import get_architecture

NETWORKS = ("cnn_rnn", "resnet_gru")
LABELS = ("happy", "sad", "angry", "neutral")
TIMES = 20


def epoch(model: EmotionModel, folder: Path) -> None:
    """Saves the best checkpoint so far, and the state of training: the weights and Adam's two moments of each."""
    model.save(folder)
    weights = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    with atomic(folder / RESUME) as temporary:
        save_file({f"{part}.{name}": value.clone() for part in "abc" for name, value in weights.items()}, temporary)


def without_waiting(run: Callable[[], None]) -> Callable[[], None]:
    def unsynced() -> None:
        fsync, os.fsync = os.fsync, lambda handle: None
        try:
            run()
        finally:
            os.fsync = fsync

    return unsynced


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: the system's for temporary files")
    rows = []
    with tempfile.TemporaryDirectory(dir=parser.parse_args().folder) as folder:
        for name in NETWORKS:
            architecture = get_architecture(name)
            model = EmotionModel(architecture, architecture.config(), LABELS)

            def run(model: EmotionModel = model) -> None:
                epoch(model, Path(folder))

            waiting, plain, _ = pairs(run, without_waiting(run), TIMES)
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
            rows.append([f"`{name}`", f"{size:.1f}", f"{1e3 * plain:.0f}", f"{1e3 * waiting:.0f}"])
    print(heading("Saving an epoch"))
    print(table(["architecture", "MB", "ms without waiting", "ms on the disk"], rows))


if __name__ == "__main__":
    main()
