"""Makes the bundled model: `python research/bundled.py RUNS FOLDER`

RUNS has three runs over the same folds, by the commands under "How the bundled model is made" in docs/results.md:
`networks` of `resnet_gru`, `layers` and `plain` of `functionals`. FOLDER is emozoo/models/speech. The networks and layers
of the folds form one model. Each learned without its fold's test speakers, and together they learned from all speakers.

Then research/recalibrate.py fits the temperature and the thresholds of prediction sets, and writes them into config.json.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.provenance import Clips, Provenance, Side, unrecorded
from emozoo.checkpoint.run import read_options
from emozoo.evaluation.data import Data, open_data

LABELS = ("angry", "happy", "neutral", "sad")
PARTS = ("networks", "layers", "plain")


def main(runs: str, target: str) -> None:
    networks = run_of(Path(runs), PARTS[0])
    folds = sorted(folder.name for folder in networks.glob("fold*"))
    options = read_options(networks / folds[0])
    assert options is not None, f"{networks} has no {folds[0]}"
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    model = merged(Path(runs), folds)
    assert model.provenance is not None
    model.provenance |= Provenance(_as_readers_name_them(data))
    Path(target).mkdir(parents=True, exist_ok=True)
    model.save(Path(target))
    print(f"{len(folds)} networks and layers, {len(model.provenance.train.clips)} recordings")


def run_of(runs: Path, part: str) -> Path:
    """The folder of one of `PARTS`: of its name, or as a study calls it, with the dataset behind."""
    return next(iter(sorted(runs.glob(f"{part}*"))), runs / part)


def merged(runs: Path, folds: Sequence[str]) -> EmotionModel:
    """The networks and layers of these folds as one model for `LABELS`."""
    parts = [[load(run_of(runs, part) / fold, "cpu") for fold in folds] for part in PARTS]
    first = parts[0][0]
    provenance = functools.reduce(operator.or_, (each.provenance or unrecorded(each.name) for each in sum(parts, [])))
    config = dataclasses.replace(first.config, members=len(folds), functionals=True, pairs=True)
    model = EmotionModel(first.architecture, config, LABELS, provenance=provenance).eval()
    for member, pair, network, layer, plain in zip(model.network.members, model.network.layers, *parts, strict=True):
        member.load_state_dict(_for_labels(network, network.network.members[0].state_dict()))
        pair.changed.load_state_dict(_for_labels(layer, layer.network.state_dict()))
        pair.plain.load_state_dict(_for_labels(plain, plain.network.state_dict()))
    return model


def _for_labels(model: EmotionModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights whose last layer answers `LABELS` only, in their order."""
    places = [model.labels.index(label) for label in LABELS]
    return {
        name: value[places] if name.endswith(("output.weight", "output.bias")) else value
        for name, value in weights.items()
    }


def _as_readers_name_them(data: Data) -> Side:
    """The speakers by the names that emozoo's readers give them: `Actor_01`, `03`, `EB0` for `ravdess_01`, ..."""
    names = set(zip(data.columns["corpus"], data.columns["speaker"], strict=True))
    names = {(corpus, speaker.rpartition("_")[2].strip()) for corpus, speaker in names}
    pairs = [*names, *(("ravdess", f"Actor_{name}") for corpus, name in names if corpus == "ravdess")]
    corpora, speakers = zip(*sorted(pairs), strict=True)
    own = {"digest": [""] * len(pairs), "corpus": corpora, "speaker": speakers}
    return Side(Clips.of(own).side(range(len(pairs))).speakers)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
