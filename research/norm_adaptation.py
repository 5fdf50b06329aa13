"""Measures adaptation inside a network, into results/norm_adaptation.csv: `python research/norm_adaptation.py COMMIT RUN`

RUN is a finished run with `--protocol corpus`, of networks with batch normalisation, and COMMIT the code that it ran with.
Each network answers sets of recordings of the corpus that it never heard: as it is; with the statistics of its batch
normalisation moved to those of the recordings (`statistics`; Li et al. 2016, by the weight of Schneider et al. 2020); and
with the scale and the offset of each normalisation learnt so that the answers are surer (`entropy`; TENT, Wang et al. 2021).
"""

from __future__ import annotations

import copy
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from adaptation import sampled
from left_out import LABELS
from torch import Tensor, nn

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.run import read_options
from emozoo.checkpoint.whole import fold_folders
from emozoo.evaluation.data import Data, open_data
from results import command_of, store

COUNTS = (20, 100)
SAMPLES = 4
KNOWN = 16
"""As many recordings the statistics of the training count for."""
STEPS, LEARNING_RATE = 5, 1e-3
MOODS = {"mixed": 1 / len(LABELS), "all of one mood": 1.0}


def norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def with_statistics(network: nn.Module, sound: Tensor) -> nn.Module:
    """The network with statistics between those of its training and those of the windows, float32 [batch, samples]."""
    own = copy.deepcopy(network)
    for norm in norms(own):
        norm.train().momentum = len(sound) / (len(sound) + KNOWN)
    with torch.no_grad():
        own(sound)
    return own.eval()


def with_entropy(network: nn.Module, sound: Tensor) -> nn.Module:
    """The network after `STEPS` towards surer answers for the windows, float32 [batch, samples]."""
    own = with_statistics(network, sound)
    own.requires_grad_(False)
    learnt = [parameter.requires_grad_() for norm in norms(own) for parameter in norm.parameters()]
    optimizer = torch.optim.Adam(learnt, LEARNING_RATE)
    for _ in range(STEPS):
        logarithms = own(sound).log_softmax(1)
        optimizer.zero_grad()
        (-(logarithms.exp() * logarithms).sum(1).mean()).backward()
        optimizer.step()
    return own


METHODS = {"none": lambda network, sound: network, "statistics": with_statistics, "entropy": with_entropy}


def measured(model: EmotionModel, data: Data, rows: np.ndarray, samples: int) -> dict[tuple[str, int, str], float]:
    """The accuracy on windows of the clips `rows`, the first of each, by moods, number of recordings and method."""
    truth = np.array([model.labels.index(data.labels[data.store.labels[row]]) for row in rows])
    rng = np.random.default_rng(0)
    found: dict[tuple[str, int, str], list[float]] = {}
    for moods, share in MOODS.items():
        for count in COUNTS:
            for sample in range(samples):
                shares = np.full(len(LABELS), (1 - share) / (len(LABELS) - 1))
                shares[sample % len(LABELS)] = share
                chosen = sampled(rng, truth, count, shares.tolist())
                sound = data.store.batch(rows[chosen], np.zeros(count, int), model.device)[0]
                for method, adapted in METHODS.items():
                    own = adapted(model.network, sound)
                    with torch.inference_mode():
                        right = own(sound).argmax(1).numpy() == truth[chosen]
                    found.setdefault((moods, count, method), []).append(float(right.mean()))
    return {key: float(np.mean(each)) for key, each in found.items()}


def rows_of(run: Path) -> Iterator[dict[str, str]]:
    options = read_options(run)
    assert options is not None, f"{run} is no run"
    data = open_data(options.dataset, options.data_dir, options.labels, {}, video=False)
    folds = {f"fold{fold.number}": fold for fold in data.folds(options.protocol, options.folds_seed)}
    for folder in fold_folders(run):
        fold = folds[folder.name]
        model = load(folder, "cpu")
        for (moods, count, method), accuracy in measured(model, data, np.array(fold.test), SAMPLES).items():
            row = {
                "architecture": options.architecture,
                "corpus": fold.name,
                "moods": moods,
                "recordings": str(count),
                "method": method,
                "accuracy": f"{accuracy:.4f}",
                "command": command_of(options),
            }
            print(*row.values(), flush=True)
            yield row


def main(commit: str, run: str) -> None:
    made = {"commit": commit, "hardware": f"cpu ({platform.machine()}), {platform.system()}"}
    store("norm_adaptation.csv", [row | made for row in rows_of(Path(run))])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
