"""Measures networks by sound, by video and by both, into results/: `python research/modalities.py COMMIT RUN...`.

RUN is the folder of a finished `emozoo train NAME`. A network that does without sound or without video is measured three
times on its test fold. Another is measured once, by what it takes; that of `cnn_rnn_3dcnn` is its setting `branches`.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.run import read_options, read_record
from emozoo.evaluation.evaluate import evaluate
from results import command_of, store

EACH: dict[str, str | None] = {"both": None, "audio": "audio", "video": "video"}


def rows_of(run: Path, commit: str) -> list[dict[str, str]]:
    options, record = read_options(run), read_record(run)
    assert options is not None and record is not None
    train = command_of(options).replace(" --fold N", f" --fold {options.fold}")
    model = load(run, "cpu")
    own = getattr(model.config, "branches", "both" if model.video else "audio")
    rows = []
    for reads, modality in EACH.items() if model.optional else [(own, None)]:
        metrics = evaluate(run, modality=modality, device="cpu").metrics
        low, high = metrics.ua_interval
        shares = {"ua": metrics.ua, "ua_low": low, "ua_high": high, "wa": metrics.wa}
        rows.append(
            {
                "architecture": options.architecture,
                "dataset": options.dataset,
                "fold": str(options.fold),
                "reads": reads,
                "clips": str(metrics.count),
                "seed": str(options.seed),
                **{name: f"{share:.4f}" for name, share in shares.items()},
                "command": train if modality is None else f"{train}; emozoo evaluate RUN --modality {modality}",
                "commit": commit,
                "hardware": f"{record.training.device}, {platform.system()}",
            }
        )
    return rows


def main() -> None:
    commit, runs = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    rows = [row for run in runs for row in rows_of(run, commit)]
    store("modalities.csv", rows)


if __name__ == "__main__":
    main()
