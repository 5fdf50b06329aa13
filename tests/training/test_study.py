"""Studies: many trainings by one file, which are checked first, skipped when finished, and resumed when killed."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.schemas import validate
from support.small import NETWORK, RECIPE, emozoo, read, toy

from emozoo.checkpoint.lock import AtWork, locked
from emozoo.checkpoint.run import RunOptions
from emozoo.cli.app import app
from emozoo.evaluation.compare import compare
from emozoo.text import json_text
from emozoo.training.progress import Progress
from emozoo.training.study import Cell, train_study
from emozoo.training.train import train

SEED0, SEED1, SEED2 = (f"cnn-small-seed={seed}" for seed in range(3))


def study(folder: Path, **changes: Any) -> Path:
    """A study of three small trainings in a folder whose name needs care."""
    path = folder / "my stüdy.yaml"
    document: dict[str, Any] = {
        "architecture": "cnn",
        "dataset": {"name": "toy", "as": "small", "data-dir": str(toy())},
        "protocol": "random",
        "epochs": 1,
        "seed": [0, 1, 2],
        "split-seed": 0,
        "device": "cpu",
        "set": {**NETWORK, **RECIPE},
        **changes,
    }
    document = {key: value for key, value in document.items() if value is not None}
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def options(**changes: Any) -> RunOptions:
    settings = {**NETWORK, **RECIPE, "epochs": "1"}
    return RunOptions("cnn", "toy", str(toy()), settings=settings, protocol="random", split_seed=0, **changes)


def test_a_study_that_was_killed_trains_only_what_is_missing(tmp_path: Path) -> None:
    words = ["train", "--config", str(study(tmp_path))]
    runs = tmp_path / "runs" / "my stüdy"
    process = subprocess.Popen(
        [sys.executable, "-m", "emozoo", *words],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None and not (runs / SEED0 / "metrics.json").exists():
            time.sleep(0.01)
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    before = (runs / SEED0 / "metrics.json").stat().st_mtime_ns
    assert not (runs / SEED2 / "metrics.json").exists()

    done = emozoo(*words, cwd=tmp_path)
    assert done.stderr.count("finished before") == 1 and f"{SEED0}: finished before" in done.stderr
    assert (runs / SEED0 / "metrics.json").stat().st_mtime_ns == before
    line = next(line for line in done.stdout.splitlines() if line.startswith("compare them: "))
    compared = compare([str(tmp_path / run) for run in shlex.split(line)[4:]])
    assert len(compared.pairs) == 3

    document = json.loads(emozoo(*words, "--json", "--resume", cwd=tmp_path).stdout)
    validate(document, "train")
    assert [cell["name"] for cell in document["cells"]] == [SEED0, SEED1, SEED2]
    for cell in document["cells"]:
        assert cell["status"] == "finished"
        record = read(tmp_path / cell["run"] / "metrics.json")
        assert cell["result"]["pooled"]["ua"] == record["test"]["ua"]
        assert cell["result"]["note"] == record["data"]["note"]
        assert f"{100 * record['test']['ua']:.1f}" in next(
            row for row in done.stdout.splitlines() if cell["name"] in row
        )


def test_what_fails_or_is_trained_elsewhere_does_not_stop_the_others(tmp_path: Path) -> None:
    path = study(tmp_path, seed=None, fold=[1, 9, 2])
    folder = tmp_path / "out"
    names = [f"cnn-small-fold={fold}" for fold in (1, 9, 2)]
    with locked(folder / names[0], "elsewhere"):
        done = emozoo("train", "--config", path, "--output", folder, check=2)
    assert "another training or evaluation is at work" in done.stderr and "there is no fold 9" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: no result from 2 of the 3 trainings") and f"{names[0]}, {names[1]};" in last
    assert (folder / names[2] / "metrics.json").is_file() and not (folder / names[1]).exists()
    shown = {line.split()[1]: line for line in done.stdout.splitlines() if "fold=" in line and "│" in line}
    assert "elsewhere" in shown[names[0]] and "failed" in shown[names[1]]


class Stops(Progress):
    """Breaks the first epoch, as a library does that Ctrl-C interrupts."""

    def step(self, *_: object) -> None:
        raise RuntimeError("interrupted")


def test_seeds_and_folds_are_runs_over_all_and_a_stop_is_no_failure(tmp_path: Path) -> None:
    cells = [Cell("seeds", options(seeds=(0, 1))), Cell("folds", options(fold=None, dev=False))]
    cells = [Cell(each.name, replace(each.options, protocol="group-2")) for each in cells]
    with pytest.raises(RuntimeError):
        train_study(cells, tmp_path, device="cpu", progress=Stops(), stopped=lambda: True)
    failed = train_study(cells, tmp_path, device="cpu", progress=Stops())
    assert [(each.status, each.problem.partition(" (")[0]) for each in failed] == [
        ("failed", "RuntimeError: interrupted")
    ] * 2
    first = train_study(cells, tmp_path, device="cpu")
    again = train_study(cells, tmp_path, device="cpu", progress=Stops())
    assert [each.result for each in first] == [each.result for each in again] and all(each.result for each in again)
    assert read(tmp_path / "seeds" / "summary.json")["seeds"] == [0, 1]
    assert read(tmp_path / "folds" / "summary.json")["folds"] == 2
    others = [Cell(each.name, replace(each.options, labels=("sad", "angry"))) for each in cells]
    for each in train_study(others, tmp_path, device="cpu"):
        assert "(labels sad,angry instead of unset)" in each.problem and "another --output" in each.problem
        document = {"schema": 1, "study": "out", "cells": [each.to_dict(), again[0].to_dict()]}
        validate(json.loads(json_text(document)), "train")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The line of a command that is refused, which is run in this process."""
    assert app(["train", *words], standalone_mode=False) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"architecture": ["cnn", "cnnn"]}, "cnnn-small-seed=0: no architecture is named 'cnnn'; did you mean cnn"),
        ({"dataset": "toyy"}, "no dataset is named 'toyy'"),
        ({"epochs": "x"}, "--epochs x: must be a valid integer"),
        ({"protocol": "speker"}, "no protocol 'speker'"),
        ({"set": {"learnin_rate": [1]}}, "cnn has no setting 'learnin_rate'; did you mean learning_rate?"),
        ({"set": {"noise": [0.5, "5e-1"]}}, "noise=0.5 and cnn-small-seed=0-noise=5e-1 are the same training"),
        ({"set": {"epochs": 3}}, "epochs stands in set and beside it"),
        ({"seeds": "0,1", "seed": 0}, "give one of them"),
        ({"crop": "face"}, "cnn takes no video"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_everything_is_checked_before_anything_is_trained(
    changes: dict[str, Any],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = study(tmp_path, **changes)
    told = refused(capsys, "--config", path.name)
    assert told.startswith(f"error: {path.name}: ") and expected in told
    assert not (tmp_path / "runs").exists()


def test_what_a_study_says_itself_does_not_stand_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(study(tmp_path))
    for words in (["--epochs", "2"], ["--set", "noise=1"], ["cnn"]):
        told = refused(capsys, *words, "--config", path)
        assert "write it into that file" in told and (words[0] if len(words) > 1 else "the architecture") in told
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    assert "is no folder of a study" in refused(capsys, "--config", path, "--output", str(tmp_path / "run"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "single processes" in refused(capsys, "--config", path)


def test_two_processes_share_the_folds_and_seeds_of_one_training(tmp_path: Path) -> None:
    """Each trains what the other is not at, and the last one writes what all folds and seeds gave."""
    path = study(tmp_path, seed=None, seeds="0,1", fold="all", protocol="group-2", **{"split-seed": None})
    own = replace(options(seeds=(0, 1)), protocol="group-2", fold=None, split_seed=None)
    out = tmp_path / "out"
    told: list[str] = []

    class Helped(Progress):
        """Lets another process train the study in the middle of its own first fold."""

        def step(self, *_: object) -> None:
            if not told:
                told.append("")
                done = emozoo("train", "--config", path, "--output", out, check=2)
                told.append(done.stderr)

    [result] = train_study([Cell("cnn-small", own)], out, device="cpu", progress=Helped())
    assert (
        "cnn-small is left out: other processes are at the last folds" in told[1]
    )  # found without opening the data again
    assert result.status == "finished" and read(out / "cnn-small" / "summary.json")["seeds"] == [0, 1]
    assert len(list(out.rglob("fold*/metrics.json"))) == 4 and not list(out.rglob(".lock"))
    alone = tmp_path / "alone"
    assert train_study([Cell("cnn-small", own)], alone, device="cpu")[0].result == result.result


def test_a_run_is_not_joined_with_other_options_nor_taken_while_its_first_fold_is_trained(tmp_path: Path) -> None:
    own = replace(options(fold=None), protocol="group-2", split_seed=None)
    other = replace(own, labels=("sad", "angry"))
    problems: list[str] = []

    class Meanwhile(Progress):
        def step(self, *_: object) -> None:
            if not problems:
                problems.append(train_study([Cell("run", other)], tmp_path, device="cpu")[0].problem)
                with pytest.raises(AtWork, match="other processes train folds"):
                    train(own, tmp_path / "run", device="cpu", resume=True)

    assert train_study([Cell("run", own)], tmp_path, device="cpu", progress=Meanwhile())[0].result
    assert "labels sad,angry instead of unset" in problems[0]
