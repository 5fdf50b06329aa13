"""What the script measures that leaves one corpus out of training, on two corpora that are parts of the toy corpus."""

import csv
from pathlib import Path
from typing import Any

import benchmark_page
import left_out
import numpy as np
import pytest
from support.small import NETWORK, RECIPE, read, toy

from emozoo.checkpoint.run import RunOptions
from emozoo.data import load_dataset
from emozoo.evaluation.data import Data, open_data
from emozoo.training.seeds import train_seeds


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("left out") / "open.csv"
    rows = load_dataset("toy", toy())
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "emotion", "speaker", "corpus"])
        for sound, emotion, speaker in zip(*(rows[name] for name in ("audio_path", "emotion", "speaker")), strict=True):
            writer.writerow([sound, emotion, speaker, "north" if speaker < "Ses03" else "south"])
    return path


@pytest.fixture(scope="module")
def data(corpora: Path) -> Data:
    return open_data("manifest", str(corpora), left_out.LABELS, {}, video=False)


@pytest.fixture(scope="module")
def run(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {**NETWORK, **RECIPE, "epochs": "1"}
    asked = {"labels": left_out.LABELS, "protocol": "corpus", "fold": None, "seeds": (0, 1), "settings": settings}
    folder = tmp_path_factory.mktemp("runs")
    train_seeds(RunOptions("cnn", "manifest", str(corpora), **asked), folder, device="cpu")
    return folder


def test_networks_alone_their_mean_and_their_ensemble(run: Path) -> None:
    rows = {(row["corpus"], row["seed"], row["adapted"]): row for row in left_out.network_rows(run)}
    assert len(rows) == 2 * 4 * 2
    for number, corpus in enumerate(("north", "south"), 1):
        own = [read(run / f"seed{seed}" / f"fold{number}" / "metrics.json")["test"]["ua"] for seed in (0, 1)]
        assert [float(rows[corpus, seed, ""]["ua"]) for seed in "01"] == pytest.approx(own, abs=1e-4)
        assert float(rows[corpus, "mean", ""]["ua"]) == pytest.approx(np.mean(own), abs=1e-4)
        assert float(rows[corpus, "ensemble", ""]["ua_low"]) <= float(rows[corpus, "ensemble", ""]["ua"])
    assert all(row["command"].startswith("emozoo train cnn --dataset manifest") for row in rows.values())


def test_several_runs_are_also_measured_together(run: Path) -> None:
    """A run together with itself answers as it does alone."""
    rows = list(left_out.network_rows(run, run))
    both = [row for row in rows if row["system"] == "cnn + cnn"]
    assert len(rows) == 3 * len(both) == 3 * 16
    changed = {"system": "cnn", "command": rows[0]["command"]}
    assert [row | changed for row in both] == rows[:16]
    assert both[0]["command"] == f"{rows[0]['command']} + {rows[0]['command']}"


def test_the_baseline_learns_from_the_other_corpora_alone(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.array(data.store.labels)
    features = np.eye(4)[truth] + np.random.default_rng(0).normal(0, 0.01, (len(truth), 4))
    features[np.array(data.columns["corpus"]) == "south"] *= 100  # another room
    monkeypatch.setattr(left_out, "functionals", lambda data: features)
    rows = list(left_out.baseline_rows(data))
    adapted = {(row["corpus"], row["adapted"]): float(row["ua"]) for row in rows}
    assert adapted["north", "recordings"] == adapted["south", "recordings"] == 1
    assert adapted["north", ""] < 1 and {int(row["clips"]) for row in rows} != {len(truth)}


def test_functionals_are_those_of_opensmile_and_kept(
    data: Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("opensmile")
    monkeypatch.setattr(left_out, "cache_root", lambda: tmp_path)
    features = left_out.functionals(data)
    assert features.shape == (len(data.store), 88) and np.isfinite(features).all()
    assert np.array_equal(left_out.functionals(data), features) and (tmp_path / "egemaps.npz").is_file()


def test_the_page_has_the_systems_beside_the_baseline_and_their_means(monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Any] = {"system": "SVM", "seed": "", "adapted": "", "command": "python x"}
    rows = [{**row, "corpus": corpus, "ua": ua} for corpus, ua in (("emodb", "0.5"), ("nemo", "0.4"))]
    rows += [{**each, "adapted": "recordings"} for each in rows]
    rows += [{**each, "system": "cnn", "seed": seed} for each in rows for seed in ("0", "1", "mean", "ensemble")]
    monkeypatch.setattr(benchmark_page, "read", lambda name: rows)
    text = "\n".join(benchmark_page.four_corpora())
    assert "| SVM |  | as it is | 50.0 | 40.0 | **45.0** | [2](../results/left_out.csv#L2) |" in text
    assert "| SVM |  | normalised |" in text and "| cnn | mean of 2 seeds | as it is |" in text
    assert "| cnn | 2 seeds as one | adapted |" in text and text.count("| cnn |") == 4
