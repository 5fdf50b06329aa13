"""Measures which statistics travel to a corpus never heard: `python research/statistics_left_out.py TABLE COMMIT`

TABLE is a manifest of several corpora with the column `corpus`. For each corpus, logistic regression with the penalty of the
recipe of `functionals` learns from the others, with the same weight for each corpus and label, on the statistics of whole
clips: all of them, and all but one group of `Functionals.GROUPS`. Rows go into results/statistics_left_out.csv. They are no
figures of a trained `functionals`, which research/left_out.py measures, but tell its statistics apart in minutes.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from left_out import LABELS

from emozoo.evaluation.data import Data, open_data
from emozoo.evaluation.metrics import evaluate_predictions
from emozoo.features import Functionals
from emozoo.features.linear_functionals import Standardisation
from emozoo.inference.adaptation import SpeakerBias
from emozoo.registry.loading import get_architecture
from results import store


def sounds_of(data: Data) -> list[np.ndarray]:
    """The whole clips, float32 [samples] at 16 kHz."""
    return [data.store.waveform(row).astype(np.float32) / 32768 for row in range(len(data.store))]


def statistics_of(sounds: Iterable[np.ndarray]) -> np.ndarray:
    """float64 [clips, statistics]."""
    front = Functionals()
    with torch.no_grad():
        return np.array([front(torch.tensor(each)[None].float())[0].numpy() for each in sounds], dtype=np.float64)


def variants(features: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """All statistics, and all but a group."""
    yield "all", features
    last = 0
    for name, count in Functionals.GROUPS.items():
        yield f"without {name}", np.delete(features, np.s_[last : last + count], axis=1)
        last += count


def left_out(features: np.ndarray, data: Data) -> Iterator[tuple[str, float, float]]:
    """For each corpus UA as it is, and without the bias towards each label over all its recordings."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    corpora, truth = np.array(data.columns["corpus"]), np.array(data.store.labels)
    penalty = get_architecture("functionals").recipe.weight_decay
    for corpus in np.unique(corpora):
        train = corpora != corpus
        both = np.char.add(corpora[train], truth[train].astype(str))
        groups = np.unique(both, return_inverse=True)[1]
        weights = 1 / np.bincount(groups)[groups]
        scaler = StandardScaler().fit(features[train])
        scaled = scaler.transform(features).clip(-Standardisation.FURTHEST, Standardisation.FURTHEST)
        machine = LogisticRegression(C=1 / (penalty * train.sum()), max_iter=1000)
        machine.fit(scaled[train], truth[train], weights / weights.mean())
        shares = machine.predict_proba(scaled[~train])
        adapted = SpeakerBias.from_probabilities(shares).apply(shares)
        uas = [evaluate_predictions(LABELS, truth[~train], each.argmax(1)).ua for each in (shares, adapted)]
        yield str(corpus), uas[0], uas[1]


def main(table: str, commit: str) -> None:
    data = open_data("manifest", table, LABELS, {}, video=False)
    made = {"commit": commit, "hardware": f"cpu ({platform.machine()}), {platform.system()}"}
    rows = []
    for name, features in variants(statistics_of(sounds_of(data))):
        for corpus, ua, adapted in left_out(features, data):
            row = {"variant": name, "statistics": str(features.shape[1]), "corpus": corpus}
            figures = {"ua": f"{ua:.4f}", "ua_adapted": f"{adapted:.4f}"}
            rows.append({**row, **figures, "command": "python research/statistics_left_out.py open.csv", **made})
        print(name, *(f"{np.mean([float(row[key]) for row in rows[-4:]]):.3f}" for key in ("ua", "ua_adapted")))
    store("statistics_left_out.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
