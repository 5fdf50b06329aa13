"""Runs on folds that others made, and with few training speakers, from the command line."""

import csv
import json
from pathlib import Path

import pytest
from support.small import emozoo, one_error, read, toy, train_words

from emozoo.data import load_dataset


def folds(path: Path, shift: int = 0) -> Path:
    """A table of the small toy corpus that deals its clips out to two folds, whatever their speakers."""
    names = load_dataset("toy", data_dir=toy())["utterance_id"][:]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "fold"), *((name, (row + shift) % 2 + 1) for row, name in enumerate(names))])
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run folds ü")


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A run over both folds and two seeds, with four of the training speakers."""
    words = ["--folds", str(folds(place / "cv.csv")), "--fold", "all", "--train-speakers", "4", "--seeds", "0,1"]
    emozoo(*train_words(place / "run", *words, epochs=1))
    return place / "run"


def speakers(run: Path, fold: int) -> set[str]:
    split = read(run / "split.json")
    return {split["clips"]["speaker"][row] for row in split["folds"][fold - 1]["train"]}


def test_results_say_what_they_are_of_and_are_measured_again_on_the_same_clips(run: Path) -> None:
    data = read(run / "seed1" / "fold2" / "metrics.json")["data"]
    assert (data["protocol"], data["fold_name"], data["speaker_disjoint"]) == ("folds cv.csv", "fold_2", False)
    assert data["parts"]["train"]["speakers"] == 4
    assert "speaker-dependent" in data["note"] and "trained on 4 of 8 training speakers" in data["note"]
    assert "trained on 4 of 7 to 8 training speakers" in read(run / "summary.json")["note"]
    emozoo("card", str(run / "seed1" / "fold2"))
    assert "trained on 4 of 8 training speakers" in (run / "seed1" / "fold2" / "README.md").read_text(encoding="utf-8")
    assert speakers(run / "seed0", 1) == speakers(run / "seed1", 1)
    one = run / "seed0" / "fold1"
    for name in ("split.json", "predictions.csv", ""):
        measured = json.loads(emozoo("evaluate", str(one), "--device", "cpu", "--json").stdout)
        assert measured["confusion"] == read(one / "metrics.json")["test"]["confusion"]
        if name:  # without them, the folds are made again from the table
            (one / name).rename(one / f"{name}.away")


def test_a_table_that_says_something_else_is_noticed(run: Path, place: Path) -> None:
    table = place / "cv.csv"
    table.rename(place / "away.csv")
    emozoo("train", "--resume", "--output", str(run))  # the run keeps its split
    folds(table, shift=1)
    for words in (
        ["--resume", "--output", str(run)],
        ["--config", str(run / "run.json"), "--output", str(place / "x")],
    ):
        assert "has other folds now than when this run began" in one_error(emozoo("train", *words, check=2))
    again = ["--resume", "--output", str(run), "--folds", str(table)]
    assert "which hold others than those of then" in one_error(emozoo("train", *again, check=2))
    emozoo("train", "--resume", "--output", str(run), "--folds", str(place / "away.csv"))  # the same, elsewhere
    both = ["--config", str(run / "run.json"), "--output", str(place / "x")]
    wrong = [*both, "--folds", str(table), "--protocol", "random"]
    assert "--folds brings its own split: leave --protocol random out" in one_error(emozoo("train", *wrong, check=2))
    many = [*both, "--protocol", "session", "--train-speakers", "99"]
    assert "training speakers, so take 6 or fewer" in one_error(emozoo("train", *many, check=2))
    assert not (place / "x").exists() or not list((place / "x").iterdir())


def test_any_model_is_measured_on_the_test_split_of_folds_that_others_made(run: Path, tmp_path: Path) -> None:
    table = str(folds(tmp_path / "others.csv"))
    words = ["evaluate", str(run / "seed0" / "fold1"), "--dataset", "toy", "--data-dir", str(toy())]
    measured = json.loads(emozoo(*words, "--folds", table, "--fold", "2", "--json").stdout)
    assert measured["part"] == "folds others.csv fold 2 (fold_2), 25 clips" and measured["answered"] == 25
    assert "leaked" in measured["note"]
    assert "no --protocol" in one_error(emozoo(*words, "--folds", table, "--protocol", "random", check=2))
    assert "takes --dataset" in one_error(emozoo(*words[:2], "--folds", table, check=2))
