"""docs/results.md says what emozoo/results.csv says, and both what finished runs gave."""

import dataclasses
import json
from pathlib import Path

import pytest

import results
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import DataRecord, RunOptions, RunRecord, TrainingRecord
from emozoo.evaluation.metrics import evaluate_predictions, pool
from emozoo.inspection.describe import measured_results
from emozoo.registry.loading import get_architecture


def test_the_page_shows_the_csv() -> None:
    assert results.PAGE.read_text(encoding="utf-8") == results.render()
    assert results.README.read_text(encoding="utf-8") == results.render_readme()
    assert results.rows() == measured_results()


def test_each_row_is_complete() -> None:
    for row in results.rows():
        assert list(row) == results.COLUMNS and all(row.values())
        assert row["protocol"] != "random" and int(row["folds"]) > 1  # speaker-disjoint


def test_each_row_of_several_corpora_is_complete_and_of_speakers_never_heard() -> None:
    rows = results.read("corpora.csv")
    assert {row["corpus"] for row in rows} == {"ravdess", "emodb", "nemo", "ased"}
    for row in rows:
        assert all(row.values()) and row["protocol"] in ("group-5", "speaker", "corpus")
        assert 0 < float(row["ua_low"]) <= float(row["ua_high"]) < 1
    assert {row["command"] for row in results.of_corpora()} <= {row["command"] for row in results.rows()}


def test_a_row_without_epochs_ran_as_long_as_the_recipe_says() -> None:
    row = {"architecture": "functionals", "command": "emozoo train functionals --fold all"}
    assert results.epochs_of(row) == str(get_architecture("functionals").recipe.epochs)
    assert results.epochs_of({**row, "command": f"{row['command']} --epochs 6 --no-dev"}) == "6"


@pytest.mark.parametrize("name", ["ablation", "denoise", "modalities", "robustness"])
def test_each_other_measurement_says_how_it_was_made(name: str) -> None:
    rows = results.read(f"{name}.csv")
    assert rows and {"architecture", "seed", "commit", "hardware"} <= rows[0].keys()
    assert all(all(row[column] for column in row if column != "settings") for row in rows)
    assert name == "ablation" or all(float(row["ua_low"]) <= float(row["ua_high"]) for row in rows)


def test_a_row_comes_from_a_finished_run(tmp_path: Path) -> None:
    options = RunOptions(
        "cnn",
        "manifest",
        "/somewhere/my.csv",
        ("happy", "sad"),
        {"excited": "happy"},
        fold=None,
        seed=2,
        settings={"linear": "8", "epochs": "7"},
    )
    options.write(tmp_path)
    with pytest.raises(FileNotFoundError):
        results.row_of(tmp_path)
    truth = [0, 1, 0, 1, 0, 1, 0, 1, 0]
    metrics = evaluate_predictions(("happy", "sad"), truth, truth, [f"speaker {each % 3}" for each in range(9)])
    summary = dataclasses.replace(pool([metrics] * 5, apart=False), ua_mean=0.51, pooled=metrics)
    (tmp_path / "summary.json").write_text(json.dumps(summary.to_dict()))
    (tmp_path / "fold1").mkdir()
    record(metrics).write(tmp_path / "fold1")
    row = results.row_of(tmp_path)
    assert row["command"] == (
        "emozoo train cnn --dataset manifest --data-dir my.csv --labels happy,sad --merge excited=happy --fold all "
        "--seed 2 --set linear=8 --epochs 7"
    )
    assert (row["dataset"], row["ua"], row["ua_low"], row["clips"]) == ("my", "0.5100", "1.0000", "9")
    assert (row["protocol"], row["epochs"], row["labels"]) == ("group-5", "7", "happy sad")
    tuned = dataclasses.replace(
        options, start="/somewhere/first/fold3", fold=3, dev=False, settings={}, merge={}, seed=0
    )
    common = "emozoo train cnn --dataset manifest --data-dir my.csv --labels happy,sad"
    assert results.command_of(tuned) == f"{common} --from RUN/foldN --fold N --no-dev"
    assert results.command_of(dataclasses.replace(tuned, fold=1)) == f"{common} --from RUN/fold3 --fold N --no-dev"


def record(metrics: Metrics) -> RunRecord:
    data = DataRecord(
        dataset="manifest", licence="", language="", citation="", merge={}, protocol="group-5", fold=1, fold_name="1",
        folds=5, speaker_disjoint=True, note="", parts={},
    )  # fmt: skip
    training = TrainingRecord(
        recipe={"epochs": 7}, seed=2, best_epoch=1, seconds=1.0, parameters=1, precision="fp32", device="cpu (x)",
        versions={},
    )  # fmt: skip
    return RunRecord(test=metrics, data=data, training=training)
