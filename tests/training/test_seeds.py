"""Random seeds of a run: those of the folds apart from those of the training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from support.schemas import validate
from support.small import NETWORK, RECIPE, emozoo, one_error, read, toy, train_words

from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import RunOptions
from emozoo.checkpoint.seeds import SeedsSummary
from emozoo.evaluation.compare import compare
from emozoo.evaluation.evaluate import evaluate
from emozoo.evaluation.metrics import pool
from emozoo.evaluation.votes import measure_several, measure_votes
from emozoo.training.progress import Progress
from emozoo.training.seeds import over_seeds, train_seeds
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


class StopsIn(Progress):
    """Stops the training when the fold of a seed begins, as Ctrl-C would."""

    def __init__(self, seed: int, fold: int) -> None:
        self.at, self.seed = (seed, fold), -1

    def message(self, text: str) -> None:
        self.seed = int(text.split()[1].strip(",")) if text.startswith("seed ") else self.seed

    def fold(self, fold: Any, of: int) -> None:
        if (self.seed, fold.number) == self.at:
            raise KeyboardInterrupt


def test_seeds_share_their_folds_and_a_run_over_them_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    words = [*train_words(folder, "--fold", "all", "--protocol", "group-2", epochs=1), "--seeds", "4,0"]
    settings = {**NETWORK, **RECIPE, "epochs": "1"}
    asked = RunOptions("cnn", "toy", str(toy()), None, {}, "group-2", None, 4, settings, seeds=(4, 0))
    with pytest.raises(KeyboardInterrupt):
        train_seeds(asked, folder, device="cpu", progress=StopsIn(0, 2))
    finished = [folder / each / "metrics.json" for each in ("seed4/fold1", "seed4/fold2", "seed0/fold1")]
    before = [path.stat().st_mtime_ns for path in finished]
    assert not (folder / "summary.json").exists() and not (folder / "seed0" / "summary.json").exists()
    assert "holds a run already" in one_error(emozoo(*words, check=2))
    assert "(seeds 4,0,1 instead of 4,0)" in one_error(emozoo(*words[:-1], "4,0,1", "--resume", check=2))

    document = json.loads(emozoo(*words, "--resume", "--json").stdout)
    assert [path.stat().st_mtime_ns for path in finished] == before
    validate(document, "train")
    assert {key: value for key, value in document.items() if key not in ("schema", "run")} == read(
        folder / "summary.json"
    )
    assert read(folder / "seed4" / "split.json") == read(folder / "seed0" / "split.json")
    assert document["split_seed"] == 4 and document["seeds"] == [4, 0]
    inner = [read(folder / f"seed{seed}" / "summary.json") for seed in (4, 0)]
    for place, one in enumerate(inner):
        told = {key: value for key, value in document["by_seed"][place].items() if key not in ("seed", "run")}
        assert told == one and one["pooled"]["count"] == 50
    for spread in document["over_seeds"]:
        own = [one[f"{spread['name']}_mean"] for one in inner]
        assert (spread["mean"], spread["std"]) == pytest.approx((np.mean(own), np.std(own, ddof=1)))
    assert "over 2 seeds" in document["words"] and "mean over 2 folds" in document["words"]

    shown = emozoo(*words, "--resume").stdout
    assert document["words"] in " ".join(shown.split())
    assert shown.count("the test clips of its 2 folds together") == 2
    assert len(compare([str(folder / "seed4"), str(folder / "seed0")]).pairs) == 1
    again = evaluate(folder / "seed0" / "fold1", device="cpu").metrics
    assert again.ua == read(folder / "seed0" / "fold1" / "metrics.json")["test"]["ua"]
    refused = one_error(emozoo("compare", folder, folder / "seed0", check=2))
    assert "several random seeds" in refused and f"such as {folder}/seed4, or" in refused
    assert f"one of its folds, such as {folder}/seed0/fold1" in one_error(emozoo("export", folder, check=2))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--seeds 0,x", "must be whole numbers"),
        ("--seeds 0,0", "name each random seed once"),
        ("--seeds 0,1 --seed 2", "give one of them"),
    ],
)
def test_seeds_that_mean_nothing_are_refused_and_nothing_is_left(words: str, expected: str, tmp_path: Path) -> None:
    assert expected in one_error(emozoo(*train_words(tmp_path / "run"), *words.split(), check=2))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("several", [False, True])
def test_scores_of_votes_and_of_several_labels_have_means_over_folds_and_seeds(several: bool) -> None:
    draw = np.random.default_rng(0)

    def fold() -> Metrics:
        counts, answers = draw.integers(0, 3, (30, 3)) + np.eye(3)[draw.integers(0, 3, 30)], draw.dirichlet([1] * 3, 30)
        who = ["a"] * 30
        if several:
            return Metrics(count=30, several=measure_several(("x", "y", "z"), counts, answers, who))
        return Metrics(count=30, votes=measure_votes(counts, answers, who))

    folds = [[fold(), fold()] for _ in range(3)]
    each = [pool(own, apart=False) for own in folds]
    names = ("macro_f1", "micro_f1") if several else ("divergence", "any_rater")
    assert [spread.name for spread in over_seeds(each)] == list(names)
    for name, spread in zip(names, over_seeds(each), strict=True):
        scores = np.array([[getattr(one.several or one.votes, name) for one in own] for own in folds])
        assert [one.others[names.index(name)].mean for one in each] == pytest.approx(scores.mean(1))
        assert (spread.mean, spread.std) == pytest.approx((scores.mean(1).mean(), scores.mean(1).std(ddof=1)))
        assert spread.seeds == 3
    summary = SeedsSummary((0, 1, 2), 0, tuple(each), over_seeds(each))
    assert SeedsSummary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary
