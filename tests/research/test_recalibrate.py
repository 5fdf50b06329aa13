"""The script that calibrates the bundled model: its networks one by one, and who knows which speaker."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import recalibrate
import torch

from emozoo.checkpoint.loading import load
from emozoo.inference.calibration import METHODS


def test_the_networks_one_by_one_are_the_ensemble_together() -> None:
    model = load("speech", "cpu")
    sound = torch.randn(2, 48_000, generator=torch.Generator().manual_seed(0)) / 10
    alone = np.stack([each.answer(sound) for each in recalibrate.alone(model)])
    assert len(alone) == 5
    np.testing.assert_allclose(alone.mean(0), model.answer(sound), atol=1e-6)


def test_each_speaker_is_unknown_to_one_network() -> None:
    columns = {"corpus": ["ravdess", "emodb", "nemo"], "speaker": ["ravdess_03", "emodb_16", "nemo_ KD0"]}
    data: Any = SimpleNamespace(columns=columns)
    assert recalibrate.networks_of(data).tolist() == [0, 4, 1]
    for folds in recalibrate.HELD_OUT.values():
        names = " ".join(folds).split()
        assert len(folds) == 5 and len(set(names)) == len(names)
    assert [len(" ".join(folds).split()) for folds in recalibrate.HELD_OUT.values()] == [24, 10, 9]


def test_other_networks_than_those_that_were_split_so_are_refused() -> None:
    rng = np.random.default_rng(0)
    answers = rng.dirichlet((50, 1, 1, 1), (5, 6))  # all sure of label 0, and rightly so
    answers[2, :3] = answers[4, 3:] = 0.25
    true, speakers = np.zeros(6, int), ["ann"] * 3 + ["bob"] * 3
    recalibrate.check_held_out(answers, true, speakers, np.array([2, 2, 2, 4, 4, 4]))
    with pytest.raises(SystemExit, match="bob is not answered worst"):
        recalibrate.check_held_out(answers, true, speakers, np.array([2, 2, 2, 1, 1, 1]))


def test_a_row_has_what_was_measured() -> None:
    probabilities = np.array([[0.7, 0.3], [0.4, 0.6]])
    sets = {method: np.array([[True, False], [True, True]]) for method in METHODS}
    rows = recalibrate.rows_of("unseen", "toy", ("a", "b"), np.array([0, 0]), probabilities, ["ann", "bob"], sets)
    assert [row["method"] for row in rows] == list(METHODS)
    assert rows[0]["coverage"] == "1.0000" and rows[0]["size"] == "1.5000" and rows[0]["wa"] == "0.5000"
    assert (rows[0]["a"], rows[0]["b"], rows[0]["clips"], rows[0]["speakers"]) == ("1.0000", "", "2", "2")
