"""How much of a model's knowledge its embeddings hold: `python research/linear_probe.py RUN [FOLD]`.

Logistic regression is trained on the embeddings of the training clips of a run's fold, which is 1 unless it is named, and
tested on those of the test clips, whose speakers neither it nor the network has heard.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import emozoo
from emozoo.checkpoint.run import read_options
from emozoo.data import load_dataset
from emozoo.data.splits.kept import read_split


@dataclass(frozen=True)
class Probe:
    """Accuracies on the same test clips, from 0 to 1."""

    clips: int
    model: float
    probe: float


def probe(run: str | Path, fold: int = 1) -> Probe:
    """Of the dataset that the run in a folder was trained on."""
    options, split = read_options(Path(run)), read_split(Path(run))
    if options is None or split is None:
        raise emozoo.EmozooError(f"{run} keeps no split: name the folder of a run that emozoo train made")
    model = emozoo.load(run)
    dataset = load_dataset(options.dataset, options.data_dir, model.labels, options.merge)
    rows = {name: row for row, name in enumerate(dataset["utterance_id"])}
    sides = split.folds[fold - 1]
    train, test = ([rows[split.clips[number].id] for number in side] for side in (sides.train, sides.test))
    labels = np.asarray(dataset["label"])
    sounds = dataset.with_format("numpy")["waveform"]

    def embedded(side: list[int]) -> np.ndarray:
        return model.embed([(np.asarray(sounds[row], np.int16), 16_000) for row in side])

    classifier = LogisticRegression(max_iter=1000).fit(embedded(train), labels[train])
    answers = model.predict([(np.asarray(sounds[row], np.int16), 16_000) for row in test])
    own = np.array([model.labels.index(answer.emotion) for answer in answers])
    return Probe(
        len(test),
        float((own == labels[test]).mean()),
        float((classifier.predict(embedded(test)) == labels[test]).mean()),
    )


if __name__ == "__main__":
    found = probe(sys.argv[1], *map(int, sys.argv[2:]))
    print(f"{found.clips} test clips: model {100 * found.model:.1f} %, linear probe {100 * found.probe:.1f} %")
