"""docs/results.md says what emozoo/results.csv says, and both what finished runs gave."""

import importlib.util
import json
from pathlib import Path

import pytest
from support.places import ROOT

from emozoo.inspection.describe import measured_results

spec = importlib.util.spec_from_file_location("results_page", ROOT / "research" / "results.py")
assert spec and spec.loader
results = importlib.util.module_from_spec(spec)
spec.loader.exec_module(results)


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
    assert {row["corpus"] for row in rows} == {"ravdess", "emodb", "nemo"}
    for row in rows:
        assert all(row.values()) and row["protocol"] in ("group-5", "speaker", "corpus")
        assert 0 < float(row["ua_low"]) <= float(row["ua_high"]) < 1
    assert {row["command"] for row in results.of_corpora()} <= {row["command"] for row in results.rows()}


@pytest.mark.parametrize("name", ["ablation", "denoise", "modalities", "robustness"])
def test_each_other_measurement_says_how_it_was_made(name: str) -> None:
    rows = results.read(f"{name}.csv")
    assert rows and {"architecture", "seed", "commit", "hardware"} <= rows[0].keys()
    assert all(all(row[column] for column in row if column != "settings") for row in rows)
    assert name == "ablation" or all(float(row["ua_low"]) <= float(row["ua_high"]) for row in rows)


def test_a_row_comes_from_a_finished_run(tmp_path: Path) -> None:
    metrics = {"data": {"protocol": "group-5"}, "training": {"recipe": {"epochs": 7}, "device": "cpu (x)"}}
    options = {
        "architecture": "cnn",
        "dataset": "manifest",
        "data_dir": "/somewhere/my.csv",
        "labels": ["happy", "sad"],
        "merge": {"excited": "happy"},
        "protocol": None,
        "seed": 2,
        "settings": {"linear": "8", "epochs": "7"},
    }
    pooled = {"ua_interval": [0.4, 0.6], "count": 9, "labels": ["happy", "sad"]}
    means = {"folds": 5, "wa_mean": 0.5, "ua_mean": 0.51, "ua_std": 0.02, "macro_f1_mean": 0.4, "pooled": pooled}
    (tmp_path / "run.json").write_text(json.dumps(options))
    with pytest.raises(FileNotFoundError):
        results.row_of(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps(means))
    (tmp_path / "fold1").mkdir()
    (tmp_path / "fold1" / "metrics.json").write_text(json.dumps(metrics))
    row = results.row_of(tmp_path)
    assert row["command"] == (
        "emozoo train cnn --dataset manifest --data-dir my.csv --labels happy,sad --merge excited=happy --fold all "
        "--seed 2 --set linear=8 --epochs 7"
    )
    tuned = {
        **options,
        "start": "/somewhere/first/fold3",
        "fold": 3,
        "dev": False,
        "settings": {},
        "merge": {},
        "seed": 0,
    }
    common = "emozoo train cnn --dataset manifest --data-dir my.csv --labels happy,sad"
    assert results.command_of(tuned, "my.csv") == f"{common} --from RUN/foldN --fold N --no-dev"
    assert results.command_of({**tuned, "fold": 1}, "my.csv") == f"{common} --from RUN/fold3 --fold N --no-dev"
    assert (row["dataset"], row["ua"], row["ua_low"], row["clips"]) == ("my", "0.5100", "0.4000", "9")
