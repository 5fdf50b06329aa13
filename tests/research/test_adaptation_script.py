"""What the script measures of adaptation to the recordings, on made-up answers, and the table of it."""

from pathlib import Path
from typing import Any

import adaptation
import numpy as np
import pytest
from left_out import LABELS, Heard

import results
from emozoo.checkpoint.run import RunOptions


def answers(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """To clips of four labels, by a network that is biased towards the first."""
    truth = np.repeat(np.arange(4), count)
    logits = np.random.default_rng(0).normal(0, 1, (len(truth), 4)) + [1, -0.5, 0, -0.5]
    logits[np.arange(len(truth)), truth] += 2.5
    shares = np.exp(logits)
    return shares / shares.sum(1, keepdims=True), truth


def test_samples_have_the_moods_that_they_are_called_by() -> None:
    _, truth = answers()
    rng = np.random.default_rng(0)
    named = list(adaptation.moods())
    assert len(named) == 1 + 3 * 4 + 6
    for _, shares in named:
        assert sum(shares) == pytest.approx(1)
        for count in adaptation.COUNTS:
            rows = adaptation.sampled(rng, truth, count, shares)
            found = np.bincount(truth[rows], minlength=4)
            assert len(rows) == count and (np.abs(found - count * np.array(shares)) < 3.1).all()


def test_the_prior_follows_frequent_answers() -> None:
    found = adaptation.shifted(np.array([[0.6, 0.4], [0.7, 0.3], [0.45, 0.55]]))
    assert (found.argmax(1) == 0).all()
    np.testing.assert_allclose(found.sum(1), 1)


def test_the_script_measures_each_method_and_the_page_has_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    probabilities, truth = answers()
    heard = Heard([], [], truth, probabilities)
    monkeypatch.setattr(adaptation, "SAMPLES", 6)
    monkeypatch.setattr(adaptation, "networks", lambda run: {"north": {"0": heard, "1": heard, "ensemble": heard}})
    options = RunOptions("cnn", "manifest", "open.csv", labels=LABELS, protocol="corpus")
    monkeypatch.setattr(adaptation, "read_options", lambda run: options)
    rows: list[dict[str, Any]] = list(adaptation.rows_of(tmp_path))
    found = {(row["moods"], row["recordings"], row["method"]): float(row["accuracy"]) for row in rows}
    assert len(found) == len(rows) == 5 * 3 * 4
    assert found["mixed", "100", "guarded"] > found["mixed", "100", "none"]
    assert found["all of one mood", "100", "guarded"] >= found["all of one mood", "100", "none"] - 0.01
    assert found["all of one mood", "100", "bias"] < found["all of one mood", "100", "none"] - 0.1
    monkeypatch.setattr(results, "read", lambda name: rows)
    lines = results.to_recordings().splitlines()
    assert lines[0] == "| the recordings | number | none | `recordings` | without the guard | the labels' prior |"
    assert len(lines) == 2 + 5 * 3 and lines[2].startswith("| mixed | 5 | ")
    monkeypatch.setattr(results, "read", lambda name: [])
    assert results.to_recordings() == "No run that leaves a corpus out is measured yet."
