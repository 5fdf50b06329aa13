"""Adds what a run over several corpora reaches on each to results/: `python docs/corpora.py RUN COMMIT`.

RUN is the folder of a finished `emozoo train NAME --fold all`, of one corpus or of a table of several, or one with its
folds. A row is for one corpus and one label set: all that the corpus has, and the usual four, for which the other
logits are left out. Each is also given with every clip adapted to its speaker by 1, 5, 20 and all other recordings of
that speaker in the test fold.
"""

from __future__ import annotations

import csv
import platform
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from answers import Answers

from emozoo import plots
from emozoo.adaptation import SpeakerLean
from emozoo.evaluate import open_data
from emozoo.metrics import Metrics, calibration_error, evaluate_predictions, pool
from emozoo.model import load
from emozoo.run import read_metrics, read_options
from results import command_of

FILE = Path(__file__).resolve().parents[1] / "results" / "corpora.csv"
COLUMNS = (
    "architecture,corpus,labels,protocol,folds,seed,clips,recordings,ua,ua_std,ua_low,ua_high,wa,macro_f1,calibration_error,"
    "command,commit,hardware"
).split(",")
FOUR = ("happy", "sad", "angry", "neutral")
RECORDINGS = (0, 1, 5, 20, -1)
"""Other recordings of a clip's speaker that it is adapted with; -1: all."""
DRAWS = 5
"""How often few recordings are drawn; the figures are means over them."""


def adapted(odds: np.ndarray, speakers: np.ndarray, recordings: int, rng: np.random.Generator) -> np.ndarray:
    """Each clip's probabilities after so many others of its speaker were heard, float64 [clips, labels]."""
    result = odds.copy()
    for clip, speaker in enumerate(speakers):
        others = np.flatnonzero((speakers == speaker) & (np.arange(len(odds)) != clip))
        drawn = others if recordings < 0 else rng.permutation(others)[:recordings]
        result[clip] = SpeakerLean.from_probabilities(odds[drawn]).apply(odds[clip : clip + 1])[0]
    return result


def main() -> None:
    run, commit = Path(sys.argv[1]), sys.argv[2]
    parts = sorted(run.glob("fold*"), key=lambda path: int(path.name[4:]))
    options = read_options(parts[0])
    assert options is not None
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    protocol = options.protocol or data.corpus.protocol
    folds = data.folds(options.protocol, options.seed)
    corpora = np.array([name or options.dataset for name in data.columns["corpus"]])
    alone = "" if len(set(corpora)) > 1 else "_alone"
    speakers = np.array(data.columns["speaker"])
    models = {int(part.name[4:]): load(part, "cpu") for part in parts}
    document = read_metrics(parts[0])
    assert document is not None
    FILE.parent.mkdir(exist_ok=True)
    rows = []
    for corpus in sorted(set(corpora)):
        own = {data.labels[number] for number in data.store.labels[corpora == corpus]}
        for labels in dict.fromkeys((FOUR, tuple(label for label in data.labels if label in own))):
            if not own.issuperset(labels) or (labels != FOUR and len(labels) == len(FOUR)):
                continue
            tests = {number: [row for row in folds[number - 1].test if corpora[row] == corpus] for number in models}
            answers = [Answers(models[number], data, test, labels) for number, test in tests.items() if test]
            for recordings in RECORDINGS:
                draws = DRAWS if recordings > 0 else 1
                scores: list[list[Metrics]] = []
                error = []
                for draw in range(draws):
                    rng = np.random.default_rng(draw)
                    scores.append([])
                    for each in answers:
                        names = speakers[each.rows]
                        odds = each.probabilities()
                        odds = adapted(odds, names, recordings, rng) if recordings else odds
                        error.append(calibration_error(each.truth, odds))
                        scores[-1].append(evaluate_predictions(labels, each.truth, odds.argmax(1), names.tolist()))
                pooled = pool(scores[0]).pooled
                if not recordings and protocol != "corpus":
                    name = f"confusion_{options.architecture}_{corpus}_{len(labels)}{alone}.png"
                    plots.confusion_matrix(pooled, FILE.parent / name)
                mean = {
                    name: statistics.fmean(statistics.fmean(getattr(fold, name) for fold in one) for one in scores)
                    for name in ("ua", "wa", "macro_f1")
                }
                spread = [fold.ua for fold in scores[0]]
                shares = {
                    **mean,
                    "ua_std": statistics.stdev(spread) if len(spread) > 1 else 0.0,
                    "ua_low": pooled.ua_interval[0],
                    "ua_high": pooled.ua_interval[1],
                    "calibration_error": statistics.fmean(error),
                }
                rows.append(
                    {
                        "architecture": options.architecture,
                        "corpus": corpus,
                        "labels": " ".join(labels),
                        "protocol": protocol,
                        "folds": str(len(answers)),
                        "seed": str(options.seed),
                        "clips": str(sum(len(each.rows) for each in answers)),
                        "recordings": "all" if recordings < 0 else str(recordings),
                        **{name: f"{share:.4f}" for name, share in shares.items()},
                        "command": command_of({**vars(options), "fold": None}, Path(str(options.data_dir)).name),
                        "commit": commit,
                        "hardware": f"{document['training']['device']}, {platform.system()}",
                    }
                )
                print(corpus, len(labels), recordings, rows[-1]["ua"], flush=True)
    kept = []
    if FILE.exists():
        with open(FILE, encoding="utf-8", newline="") as file:
            kept = [row for row in csv.DictReader(file) if row["command"] != rows[0]["command"]]
    with open(FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
