"""Random seeds of a run: those of the folds apart from those of the training."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from support.small import NETWORK, RECIPE, read, toy

from emozoo.checkpoint.run import RunOptions
from emozoo.evaluation.evaluate import evaluate
from emozoo.training.train import train


def options(**changes: Any) -> RunOptions:
    settings = {**NETWORK, **RECIPE, "epochs": "1"}
    return RunOptions("cnn", "toy", str(toy()), settings=settings, protocol="random", **changes)


def test_the_folds_follow_the_split_seed_and_the_weights_the_seed(tmp_path: Path) -> None:
    runs = {"plain": options(seed=3), "split": options(seed=5, split_seed=3), "other": options(seed=5)}
    for name, asked in runs.items():
        train(asked, tmp_path / name, device="cpu")
    plain, split, other = (read(tmp_path / name / "split.json") for name in runs)
    assert plain == split != other
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "split"))
    assert any(not one[name].equal(two[name]) for name in one)
    (tmp_path / "split" / "split.json").unlink()
    (tmp_path / "split" / "predictions.csv").unlink()
    again = evaluate(tmp_path / "split", device="cpu")
    assert again.metrics.confusion == tuple(map(tuple, read(tmp_path / "split" / "metrics.json")["test"]["confusion"]))
