"""Votes, several labels and dimensions, alone or together: what is learnt, kept, measured and refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small import NETWORK, RECIPE, emozoo, one_error, read, toy, train_words

from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.run import RunOptions
from emozoo.data.splits.protocols import make_folds
from emozoo.data.truth import Truth, majority, strata, votes_of
from emozoo.errors import EmozooError
from emozoo.evaluation.evaluate import evaluate
from emozoo.target import Outputs, Scale
from emozoo.training.history import DevScores
from emozoo.training.objective import MEMORY, ConcordanceLoss, concordance
from emozoo.training.train import train

DIMENSIONS = ("valence", "arousal", "dominance")
LABELS = ("happy", "sad", "angry", "neutral")


def trained(folder: Path, **changes: Any) -> RunOptions:
    words = {**NETWORK, **RECIPE, "epochs": "2", **changes.pop("settings", {})}
    options = RunOptions(**{"architecture": "cnn", "dataset": "toy", "data_dir": str(toy())}, settings=words, **changes)
    train(options, folder, device="cpu")
    return options


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A short run of each target."""
    folder = tmp_path_factory.mktemp("runs")
    asked: dict[str, dict[str, Any]] = {
        "dimensions": {"target": "dimensions"},
        "both": {"target": "emotion,dimensions", "settings": {"mixup": "0.3"}},
        "votes": {"target": "votes", "settings": {"vote_temperature": "0.5"}},
        "several": {"multi": True, "labels": LABELS},
    }
    for name, changes in asked.items():
        trained(folder / name, **changes)
    return {name: folder / name for name in asked}


def lin(truth: np.ndarray, values: np.ndarray) -> float:
    return float(
        2 * np.cov(truth, values, ddof=0)[0, 1] / (truth.var() + values.var() + (truth.mean() - values.mean()) ** 2)
    )


class TestConcordance:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(2, 40), st.integers(0, 1000))
    def test_it_is_lins_coefficient_of_the_rated_clips(self, clips: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        truth, values = rng.random((clips, 2)), rng.random((clips, 2))
        known = rng.random((clips, 2)) < 0.8
        known[:2] = True
        found = concordance(torch.tensor(values), torch.tensor(np.where(known, truth, np.nan)))
        expected = [lin(truth[known[:, place], place], values[known[:, place], place]) for place in (0, 1)]
        assert found.tolist() == pytest.approx(expected, abs=1e-4)

    def test_small_batches_are_judged_beside_those_before_them_with_the_weight_of_one(self) -> None:
        torch.manual_seed(0)
        loss = ConcordanceLoss(1)
        truth, values = torch.rand(48, 1), torch.rand(48, 1)
        for begin in range(0, 40, 8):
            loss(values[begin : begin + 8], truth[begin : begin + 8])
        last = values[40:].clone().requires_grad_()
        found = loss(last, truth[40:])
        assert found.item() == pytest.approx(1 - lin(truth.numpy()[:, 0], values.numpy()[:, 0]), abs=1e-5)
        found.backward()
        alone = torch.cat([values[:40], last.detach()]).requires_grad_()
        (1 - concordance(alone, truth)).sum().backward()
        torch.testing.assert_close(last.grad, alone.grad[40:] * 48 / 8)  # type: ignore[index]
        loss.forget()
        assert loss(values[:8], truth[:8]).item() == pytest.approx(
            1 - lin(truth.numpy()[:8, 0], values.numpy()[:8, 0]), abs=1e-5
        )
        assert len(loss.values) == MEMORY

    def test_without_a_rating_or_with_equal_ones_it_gives_no_gradient_and_no_nan(self) -> None:
        values = torch.rand(4, 2, requires_grad=True)
        ratings = torch.tensor([[torch.nan, 0.5]] * 4)
        loss = ConcordanceLoss(2)(values, ratings)
        loss.backward()
        assert loss.item() == pytest.approx(1) and values.grad is not None
        assert values.grad.abs().max() < 1e-6 and not ConcordanceLoss(1)(values[:, :1], ratings[:, :1]).item()


def test_a_run_of_dimensions_keeps_their_scale_and_is_measured_by_them(runs: dict[str, Path]) -> None:
    folder = runs["dimensions"]
    config = read_config(folder)
    assert config.outputs == Outputs((), DIMENSIONS, "dimensions", scale=Scale(1, 5))
    assert not (folder / "confusion_matrix.png").exists() and (folder / "training_curves.png").is_file()
    metrics = read(folder / "metrics.json")
    assert [each["name"] for each in metrics["test"]["dimensions"]] == list(DIMENSIONS) and "ua" not in metrics["test"]
    best = max(metrics["training"]["history"], key=lambda record: (record.get("dev_ccc", 0), -record["dev_loss"]))
    assert metrics["training"]["best_epoch"] == best["epoch"]
    with open(folder / "predictions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth, values = (np.array([float(row[name]) for row in rows]) for name in ("arousal_true", "arousal"))
    assert values.min() >= 1 and values.max() <= 5
    assert metrics["test"]["dimensions"][1]["ccc"] == pytest.approx(lin(truth, values), abs=1e-4)
    again = evaluate(folder, device="cpu").metrics
    assert [each.ccc for each in again.dimensions] == pytest.approx(
        [each["ccc"] for each in metrics["test"]["dimensions"]]
    )


def test_words_and_dimensions_are_learnt_together(runs: dict[str, Path]) -> None:
    metrics = read(runs["both"] / "metrics.json")
    model = load(runs["both"], "cpu")
    assert model.labels == LABELS and model.outputs.dimensions == DIMENSIONS
    assert len(metrics["test"]["dimensions"]) == 3 and 0 <= metrics["test"]["ua"] <= 1
    dev = metrics["dev"]
    assert {"dev_ua", "dev_ccc", "dev_wa", "dev_loss"} <= dev.keys()
    answers = model.probabilities([(np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), None)])
    assert answers.shape == (1, 7) and answers[0, :4].sum() == pytest.approx(1) and (answers[0, 4:] >= 0).all()
    card = emozoo("card", str(runs["both"])).stdout + (runs["both"] / "README.md").read_text()
    assert "CCC of valence" in card and "type: ccc" in card and "UA" in card


def test_votes_are_learnt_as_shares_and_measured_beside_the_raters(runs: dict[str, Path]) -> None:
    metrics = read(runs["votes"] / "metrics.json")
    votes = metrics["test"]["votes"]
    assert 0 < votes["divergence"] < 1 and 0 < votes["human_accuracy"] <= 1
    assert votes["count"] >= metrics["test"]["count"], "clips without a majority count here, and not in UA"
    assert "dev_divergence" in metrics["dev"]
    with open(runs["votes"] / "predictions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == votes["count"] and all(json.loads(row["votes"]) for row in rows)


def test_several_labels_a_clip_are_read_each_by_itself(runs: dict[str, Path]) -> None:
    metrics = read(runs["several"] / "metrics.json")
    assert metrics["test"]["several"]["labels"] == list(LABELS) and "confusion" not in metrics["test"]
    model = load(runs["several"], "cpu")
    assert model.outputs.multi
    answers = model.probabilities([(np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), None)])
    assert ((answers > 0) & (answers < 1)).all()


def test_a_run_of_dimensions_resumes_to_the_same_result(runs: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file

    changes: dict[str, Any] = {"target": "dimensions"}
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "run", changes)
    train(RunOptions(**_words(changes)), tmp_path / "run", device="cpu", resume=True)
    one, other = (load_file(folder / "model.safetensors") for folder in (runs["dimensions"], tmp_path / "run"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def _words(changes: dict[str, Any]) -> dict[str, Any]:
    words = {**NETWORK, **RECIPE, "epochs": "2"}
    return {"architecture": "cnn", "dataset": "toy", "data_dir": str(toy()), "settings": words, **changes}


def interrupted(folder: Path, changes: dict[str, Any]) -> None:
    from emozoo.training.history import EpochRecord
    from emozoo.training.progress import Progress

    class Stops(Progress):
        def epoch(self, record: EpochRecord, total: int, is_best: bool) -> None:
            if record.epoch == 1:
                raise KeyboardInterrupt

    train(RunOptions(**_words(changes)), folder, device="cpu", progress=Stops())


def test_a_model_of_words_is_tuned_to_dimensions_and_keeps_its_front(runs: dict[str, Path], tmp_path: Path) -> None:
    words = train_words(tmp_path / "tuned", "--from", str(runs["votes"]), "--target", "dimensions", epochs=1)
    done = emozoo(*(word for word in words if word not in ("cnn",)))
    assert "has other labels" in done.stderr and read_config(tmp_path / "tuned").outputs.dimensions == DIMENSIONS


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--target", "mood"], "--target mood"),
        (["--target", "dimensions", "--scale", "1,7"], "rated from 1 to 5, not from 1 to 7"),
        (["--target", "dimensions", "--scale", "1,5", "--scale", "1,7"], "given 2 times"),
        (["--target", "dimensions", "--scale", "7,1"], "lowest and the highest"),
        (["--scale", "1,5"], "add --target dimensions"),
        (["--target", "votes", "--labels", "multi,happy,sad"], "several labels a clip"),
        (["--target", "dimensions", "--set", "pretrain_epochs=1"], "one label a clip"),
    ],
)
def test_what_does_not_fit_is_one_sentence(more: list[str], expected: str, tmp_path: Path) -> None:
    assert expected in one_error(emozoo(*train_words(tmp_path / "run", *more), check=None))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["[]", "{", '{"happy": -1}', '{"happy": true}', '{"happy": 0}', '{"happy": "2"}'])
def test_votes_that_are_none_are_refused_by_the_clips_name(text: str) -> None:
    with pytest.raises(EmozooError, match="clip 7: its "):
        votes_of({"utterance_id": ["clip 7"], "votes": [text]}, {}, [""])


def test_a_majority_is_one_word_with_most_votes() -> None:
    assert majority({"a": 2, "b": 1}, ["a", "b"]) == "a" and majority({"a": 2, "b": 2}, ["a", "b"]) == ""
    assert majority({"a": 0}, ["a", "b"]) == "" and majority({}, ["a"]) == ""


def test_ratings_outside_of_the_scale_name_the_clip() -> None:
    columns = {"label": [0, 0], "utterance_id": ["x", "y"], "valence": [3.0, 6.5]}
    with pytest.raises(EmozooError, match="valence of y is 6.5, outside of the scale from 1 to 5"):
        Truth.of(columns, Outputs((), ("valence",), "dimensions", scale=Scale(1, 5)))


def test_epochs_are_compared_by_what_is_learnt() -> None:
    assert DevScores(1.0, ua=0.6, wa=0.9).score == 0.6
    assert DevScores(1.0, ua=0.6, ccc=0.2).score == pytest.approx(0.4)
    assert DevScores(1.0, ua=0.6, divergence=0.3).score == pytest.approx(0.7)
    assert DevScores(1.0, ccc=0.5).score == 0.5 and DevScores(1.0, macro_f1=0.3).score == 0.3


def test_an_exported_graph_reads_its_outputs_as_the_model_does(runs: dict[str, Path]) -> None:
    from emozoo.checkpoint import onnx_model
    from emozoo.checkpoint.export import export_onnx

    rng = np.random.default_rng(1)
    windows: list[Any] = [(rng.normal(0, 0.1, 48_000).astype(np.float32), None) for _ in range(2)]
    for name in ("both", "several"):
        export_onnx(runs[name])
        written = onnx_model.load(runs[name])
        assert written.outputs == load(runs[name], "cpu").outputs
        expected = load(runs[name], "cpu").probabilities(windows)
        np.testing.assert_allclose(written.probabilities(windows), expected, atol=2e-4)


def test_other_datasets_measure_what_they_know_of(runs: dict[str, Path], tmp_path: Path) -> None:
    """Of clips with words alone, a model of words and dimensions is measured by its words, one of votes by the majority; one
    of dimensions is refused. Ratings on another scale are compared as shares of it."""
    clips = sorted(toy().rglob("sentences/wav/*/*.wav"))[:8]
    words = "".join(f"{clip},{LABELS[n % 4]}\n" for n, clip in enumerate(clips))
    (tmp_path / "words.csv").write_text(f"path,emotion\n{words}")
    given: dict[str, Any] = {"dataset": "manifest", "data_dir": str(tmp_path / "words.csv"), "device": "cpu"}
    both = evaluate(runs["both"], **given)
    assert both.metrics.count == 8 and not both.metrics.dimensions and "no clip has a rating of valence" in both.note
    assert evaluate(runs["votes"], **given).metrics.votes is None
    with pytest.raises(EmozooError, match="has no ratings of valence"):
        evaluate(runs["dimensions"], **given)
    rated = "".join(f"{clip},{n},4\n" for n, clip in enumerate(clips))
    (tmp_path / "rated.csv").write_text(f"path,arousal,valence\n{rated}")
    given["data_dir"] = str(tmp_path / "rated.csv")
    with pytest.raises(EmozooError, match="as in --scale 1,7"):
        evaluate(runs["dimensions"], **given)
    found = evaluate(runs["dimensions"], **given, scale=(0, 7), output=tmp_path / "report")
    by_name = {each.name: each for each in found.metrics.dimensions}
    assert by_name["arousal"].ccc is not None and by_name["arousal"].span == 7 and "dominance" not in by_name
    assert by_name["valence"].ccc is None and "CCC of valence is undefined" in found.note
    assert "NaN" not in json.dumps(found.to_dict())
    with open(tmp_path / "report" / "predictions.csv", encoding="utf-8") as file:
        assert [row["arousal_true"] for row in csv.DictReader(file)] == [f"{n:.6f}" for n in range(8)]


def test_all_folds_of_dimensions_are_summed_up_and_pooled(tmp_path: Path) -> None:
    words = train_words(tmp_path / "all", "--target", "dimensions", "--fold", "all", epochs=1)
    done = emozoo(*words, COLUMNS="60")
    summary = read(tmp_path / "all" / "summary.json")
    folds = [read(tmp_path / "all" / f"fold{n}" / "metrics.json")["test"]["dimensions"][0] for n in range(1, 6)]
    known = [each["ccc"] for each in folds if each["ccc"] is not None]
    (valence, *_) = summary["dimensions"]
    assert (valence["folds"], valence["ccc_mean"]) == (len(known), pytest.approx(np.mean(known)))
    (pooled, *_) = summary["pooled"]["dimensions"]
    assert pooled["count"] == sum(each["count"] for each in folds) and "ua_mean" not in summary
    assert "±" in done.stdout and "UA" not in done.stdout and max(map(len, done.stdout.splitlines()[:-1])) <= 60


def test_folds_are_balanced_by_ratings() -> None:
    rng = np.random.default_rng(0)
    count = 600
    columns: dict[str, list[Any]] = {
        "valence": rng.random(count).tolist(),
        "activation": np.where(rng.random(count) < 0.8, rng.random(count), np.nan).tolist(),
        "dominance": [float("nan")] * count,
    }
    words = strata(columns)
    assert set(words[0].split(", ")[0].split()) <= {"valence", "high", "low"} and "dominance" not in " ".join(words)
    names = {name: [""] * count for name in ("session", "split", "video_path")}
    columns |= names | {"label": words, "start": [-1.0] * count, "end": [-1.0] * count}
    columns |= {name: [f"{name}{n}" for n in range(count)] for name in ("digest", "audio_path")}
    columns["speaker"] = [f"s{n % 60}" for n in range(count)]
    folds = make_folds(columns, "group-5", needed=())
    shares = [np.mean(["valence high" in words[row] for row in fold.test]) for fold in folds]
    assert max(shares) - min(shares) < 0.1 and all(fold.train and fold.dev and not fold.problem for fold in folds)
