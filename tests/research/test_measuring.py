"""The scripts that measure finished runs for docs/results.md, on a small run over the folds of the toy corpus."""

from pathlib import Path

import corpora
import denoise
import modalities
import pytest
import robustness
from support.small import NETWORK, RECIPE, read, toy

from emozoo.checkpoint.run import RunOptions
from emozoo.evaluation.data import open_data
from emozoo.training.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cnn-toy"
    settings = {**NETWORK, **RECIPE, "epochs": "1"}
    train(RunOptions("cnn", "toy", str(toy()), fold=None, settings=settings), folder, device="cpu")
    return folder


def ua_of(row: dict[str, str]) -> float:
    assert all(row.values()) and float(row["ua_low"]) <= float(row["ua_high"])
    assert row["command"].startswith("emozoo train cnn --dataset toy") and "/" not in row["command"]
    return float(row["ua"])


def test_on_each_corpus_and_adapted_by_so_many_recordings(run: Path) -> None:
    data = open_data("toy", str(toy()), None, {}, video=False)
    rows = corpora.rows_of([run], data, "toy", data.labels, None)
    assert [row["recordings"] for row in rows] == ["0", "1", "5", "20", "all"]
    assert float(rows[0]["ua"]) == pytest.approx(read(run / "summary.json")["ua_mean"], abs=1e-4)
    assert corpora.rows_of([run], data, "another", data.labels, None) == []


def test_on_worse_recordings(run: Path) -> None:
    rows = {row["condition"]: row for row in robustness.rows_of(run, "abc")}
    assert rows.keys() == robustness.CONDITIONS.keys()
    assert ua_of(rows["as it is"]) == pytest.approx(read(run / "summary.json")["ua_mean"], abs=1e-4)
    assert all(ua_of(row) for row in rows.values())


def test_with_noise_taken_out(run: Path) -> None:
    pytest.importorskip("noisereduce")
    rows = denoise.rows_of(run / "fold1", "abc")
    assert len({(row["noise"], row["taken_out"]) for row in rows}) == len(rows) == 14
    as_it_is = read(run / "fold1" / "metrics.json")["test"]["ua"]
    assert (rows[0]["noise"], rows[0]["taken_out"]) == ("none", "no") and ua_of(rows[0]) == pytest.approx(
        as_it_is, abs=1e-4
    )


def test_by_what_a_network_reads(run: Path) -> None:
    (row,) = modalities.rows_of(run / "fold2", "abc")
    assert (row["reads"], row["fold"], row["clips"]) == ("audio", "2", "10") and "--fold 2" in row["command"]
    assert ua_of(row) == pytest.approx(read(run / "fold2" / "metrics.json")["test"]["ua"], abs=1e-4)
