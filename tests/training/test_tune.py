"""A search for settings: what it tries, that it never sees the test split, and that nothing finished is lost."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from support.schemas import validate
from support.small import NETWORK, emozoo, one_error, read, toy

from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.cli.app import app
from emozoo.errors import EmozooError
from emozoo.registry.loading import get_architecture
from emozoo.training.command import train_command
from emozoo.training.progress import Progress
from emozoo.training.tuning.space import Range, read_space, usual_space
from emozoo.training.tuning.trials import Trial, Tuning
from emozoo.training.tuning.tune import tune

optuna = pytest.importorskip("optuna")

FILES = ("search.db", "split.json", "trials.csv", "tune.md", "tune.png")
SPACE = "learning_rate: {low: 1e-4, high: 1e-2, log: true}\ndropout: [0.1, 0.3]\n"
FIXED = {**NETWORK, "batch_size": "10", "warmup": "0", "epochs": "1"}


def space_file(folder: Path, text: str = SPACE, name: str = "space.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def words(study: Path, space: str, trials: int, *more: str) -> list[str]:
    fixed = [word for name, value in FIXED.items() for word in ("--set", f"{name}={value}")]
    asked = ["tune", "cnn", "--dataset", "toy", "--data-dir", str(toy()), "--output", str(study), "--space", space]
    return [*asked, "--trials", str(trials), "--device", "cpu", *fixed, *more]


def options(**changes: Any) -> RunOptions:
    return RunOptions(**{"architecture": "cnn", "dataset": "toy", "data_dir": str(toy()), "settings": FIXED, **changes})


def results(study: Tuning) -> list[Any]:
    """What trials gave, without how long they took."""
    return [(each.number, each.state, each.settings, each.score, each.dev) for each in study.trials]


def test_the_best_trial_is_what_train_makes_of_the_command_and_of_the_record(tmp_path: Path) -> None:
    study = tmp_path / "über alles"
    asked = words(study, space_file(tmp_path), 4, "--seed", "3")
    document = json.loads(emozoo(*asked, "--json").stdout)
    validate(document, "tune")
    assert document["finished"] == 4 and {each["state"] for each in document["trials"]} == {"complete"}
    best = document["best"]
    assert best["score"] == max(each["score"] for each in document["trials"])
    record = read_options(study / "best")
    assert record is not None and record.settings == {**FIXED, **best["settings"]}

    line = shlex.split(document["command"])
    emozoo(*line[1:], "--output", tmp_path / "run", "--device", "cpu")
    assert read(tmp_path / "run" / "metrics.json")["dev"] == best["dev"]
    written = read_options(tmp_path / "run")
    assert written is not None and written.settings == record.settings and written.seed == 3

    rows = list(csv.DictReader((study / "trials.csv").open(encoding="utf-8")))
    assert [float(row["score"]) for row in rows] == [each["score"] for each in document["trials"]]
    assert [row["dropout"] for row in rows] == [each["settings"]["dropout"] for each in document["trials"]]
    page = (study / "tune.md").read_text(encoding="utf-8")
    assert document["command"] in page and "4 of 4 trials are finished" in page
    shares = [each["share"] for each in document["importances"]]
    assert not shares or sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True)

    narrow = emozoo(*asked, COLUMNS="60").stdout
    assert "4 of 4 trials" in narrow and f"trial {best['number']}" not in narrow
    assert {path.name for path in study.iterdir()} == {*FILES, "best"}
    assert "seed 0 instead of 3" in one_error(emozoo(*asked[:-2], check=2))
    other = space_file(tmp_path, SPACE + "balance: [loss, none]\n", "other.yaml")
    assert "another range of balance" in one_error(emozoo(*words(study, other, 4, "--seed", "3"), check=2))


# --- The test split


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A manifest of 24 clips with a column of splits; each emotion has a pitch."""
    generator = np.random.default_rng(0)
    lines = ["file,emotion,speaker,split"]
    for speaker, split in enumerate(("train", "train", "train", "dev", "test", "test")):
        for number, emotion in enumerate(("happy", "sad", "angry", "neutral")):
            name = f"{speaker}-{emotion}.wav"
            pitch = 200 * (number + 1) + 20 * speaker
            sound = 0.3 * np.sin(2 * np.pi * pitch * np.arange(16_000) / 16_000) + generator.normal(0, 0.01, 16_000)
            soundfile.write(tmp_path / name, sound, 16_000)
            lines.append(f"{name},{emotion},s{speaker},{split}")
    path = tmp_path / "clips.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def spoil_labels(path: Path) -> None:
    """Each test clip gets the label of the next."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    test = [line for line in lines if line[3] == "test"]
    for line, label in zip(test, [test[-1][1], *(line[1] for line in test[:-1])], strict=True):
        line[1] = label
    path.write_text("\n".join(map(",".join, lines)) + "\n")


def spoil_sound(path: Path) -> None:
    """Test clips hold noise, or nothing that can be read."""
    for number, file in enumerate(sorted(path.parent.glob("[45]-*.wav"))):
        if number % 2:
            file.write_bytes(b"no sound at all")
        else:
            soundfile.write(file, np.random.default_rng(number).normal(0, 0.3, 8000), 16_000)


@pytest.mark.parametrize("spoil", [spoil_labels, spoil_sound])
def test_trials_are_the_same_whatever_the_test_split_holds(spoil: Any, table: Path, tmp_path: Path) -> None:
    asked = options(dataset="manifest", data_dir=str(table), protocol="split")
    space = space_file(tmp_path)
    before = tune(asked, tmp_path / "before", trials=2, space=space, device="cpu")
    spoil(table)
    after = tune(asked, tmp_path / "after", trials=2, space=space, device="cpu")
    assert results(before) == results(after)


def test_a_search_goes_on_without_its_test_clips_and_not_without_others(table: Path, tmp_path: Path) -> None:
    asked = options(dataset="manifest", data_dir=str(table), protocol="split")
    space = space_file(tmp_path)
    whole = tune(asked, tmp_path / "whole", trials=2, space=space, device="cpu")
    tune(asked, tmp_path / "study", trials=1, space=space, device="cpu")
    for file in table.parent.glob("[45]-*.wav"):
        file.write_bytes(b"")
    assert results(tune(asked, tmp_path / "study", trials=2, space=space, device="cpu")) == results(whole)
    (table.parent / "3-sad.wav").write_bytes(b"")
    with pytest.raises(EmozooError, match="its data are no longer those that it was begun with"):
        tune(asked, tmp_path / "study", trials=3, space=space, device="cpu")


def test_withheld_clips_are_empty_and_others_as_they_were(table: Path) -> None:
    from emozoo.data import ClipStore, load_dataset

    store = ClipStore(load_dataset("manifest", table))
    part = store.without([1, 5])
    assert [part.length(row) for row in (1, 5)] == [0, 0] and part.waveform(1).size == 0
    assert all(np.array_equal(part.waveform(row), store.waveform(row)) for row in (0, 2, 23))
    assert store.length(1) == 16_000


# --- Interruptions


class Stops(Progress):
    """Ctrl-C in the second trial."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def trial(self, trial: Trial, study: Tuning) -> None:
        self.trials.append(trial)

    def step(self, epoch: int, done: int, total: int) -> None:
        if len(self.trials) == 1:
            raise KeyboardInterrupt


def test_what_was_finished_when_a_search_was_stopped_stays(tmp_path: Path) -> None:
    study, space = tmp_path / "study", space_file(tmp_path)
    stops = Stops()
    with pytest.raises(KeyboardInterrupt):
        tune(options(), study, trials=3, space=space, device="cpu", progress=stops)
    assert [each.state for each in stops.trials] == ["complete", "stopped"]
    assert "1 of 3 trials are finished" in (study / "tune.md").read_text(encoding="utf-8")
    found = tune(options(), study, trials=3, space=space, device="cpu")
    assert [each.state for each in found.trials] == ["complete", "stopped", "complete", "complete"]
    assert found.trials[0] == stops.trials[0] and found.finished == 3
    assert len({each.settings["learning_rate"] for each in found.trials}) == 4, "none is drawn again"


def waiting(study: Path) -> Iterator[None]:
    deadline = time.monotonic() + 240
    while not (study / "trials.csv").is_file() and time.monotonic() < deadline:
        yield time.sleep(0.1)


def test_after_a_kill_two_processes_finish_a_search_together(tmp_path: Path) -> None:
    study, space = tmp_path / "study", space_file(tmp_path)

    def started(trials: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "emozoo", *words(study, space, trials)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    killed = started(1000)
    list(waiting(study))
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    done = len(list(csv.DictReader((study / "trials.csv").open(encoding="utf-8"))))
    together = [started(done + 2), started(done + 2)]
    assert [each.wait(240) for each in together] == [0, 0]
    found = tune(options(), study, trials=done, space=space, device="cpu")
    assert found.finished in (done + 2, done + 3)  # the kill may have come between a trial's end and the table
    assert {each.state for each in found.trials} <= {"complete", "stopped", "pruned"}
    assert not list(study.glob(".trial-*"))


# --- Trials that end early


def test_a_trial_that_is_worse_than_most_is_stopped_early(tmp_path: Path) -> None:
    from emozoo.training.tuning.search import open_study

    study = tmp_path / "study"
    study.mkdir()
    asked = options(settings={**FIXED, "epochs": "6"})
    space = read_space(space_file(tmp_path), get_architecture("cnn"), asked.settings)
    known = open_study(study, "study", asked, space)
    for number in range(5):
        trial = known.ask()
        for epoch in range(1, 7):
            trial.report(1.0, epoch)
        told = Trial(number, "complete", {each.name: each.suggest(trial) for each in space}, 1.0, 6, 6, {}, 1.0)
        trial.set_user_attr("told", vars(told))
        known.tell(trial, 1.0)
    found = tune(asked, study, trials=6, space=space_file(tmp_path), device="cpu")
    assert found.trials[5].state == "pruned" and found.trials[5].epochs == 4
    assert found.best is not None and found.best.number == 0


def test_a_trial_that_fails_says_why_and_three_of_them_end_a_search(tmp_path: Path) -> None:
    space = space_file(tmp_path, "learning_rate: [1e+30, 0.003]\n")
    found = tune(options(), tmp_path / "some", trials=6, space=space, device="cpu")
    states = {each.settings["learning_rate"]: (each.state, "diverged" in each.reason) for each in found.trials}
    assert states == {"1e+30": ("failed", True), "0.003": ("complete", False)}
    assert "training diverged" in (tmp_path / "some" / "tune.md").read_text(encoding="utf-8")
    hopeless = space_file(tmp_path, "learning_rate: [1e+30, 1e+31]\n", "hopeless.yaml")
    with pytest.raises(EmozooError, match="the first 3 trials all failed; the last, because training diverged"):
        tune(options(), tmp_path / "none", trials=9, space=hopeless, device="cpu")


# --- What is tried


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rat: [1, 2]", "cnn has no setting 'learning_rat'; did you mean learning_rate?"),
        ("learning_rate: {low: 1e-2, high: 1e-4}", "the low of learning_rate is 0.01, above its high, 0.0001"),
        ("learning_rate: {low: 0, high: 1, log: true}", "has no logarithm"),
        ("learning_rate: {low: 0.1}", "needs both low and high"),
        ("learning_rate: {low: 0.1, high: much}", "the high of learning_rate is 'much', not a number"),
        ("learning_rate: {low: 0.1, high: 1, step: 2}", "'step', not one of low, high, log"),
        ("learning_rate: {low: 0, high: 1}", "learning_rate must be above zero"),
        ("patience: {low: 1, high: 2.5}", "takes whole numbers"),
        ("balance: {low: 1, high: 2}", "is no number: write a list"),
        ("balance: [sampling, guessing]", "it can be sampling, loss, none"),
        ("dropout: 0.3", "--set dropout=0.3"),
        ("dropout: []", "no value to choose from"),
        ("dropout: [many]", "takes a number"),
        ("batch_size: [4]", "is given with --set batch_size=10 as well"),
        ("- dropout", "names no setting"),
        ("", "names no setting"),
        ("a: [", "is not YAML"),
        ("!!python/object/apply:os.system [echo]", "is not YAML"),
    ],
)
def test_a_space_that_means_nothing_is_one_sentence(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match=re.escape(expected)) as raised:
        read_space(space_file(tmp_path, text), get_architecture("cnn"), FIXED)
    assert "\n" not in str(raised.value)


def test_a_space_that_means_nothing_leaves_nothing(tmp_path: Path) -> None:
    space = space_file(tmp_path, "learning_rat: [1, 2]")
    assert "did you mean learning_rate?" in one_error(emozoo(*words(tmp_path / "study", space, 1), check=2))
    none = str(tmp_path / "none.yaml")
    assert "cannot read --space" in one_error(emozoo(*words(tmp_path / "study", none, 1), check=2))
    assert not (tmp_path / "study").exists()


def test_toml_and_yaml_say_the_same_and_lists_are_values(tmp_path: Path) -> None:
    yaml = space_file(tmp_path, SPACE + "filters: [[4, 6, 6], [8, 8, 8]]\ncache_features: [true, false]\n")
    toml = space_file(
        tmp_path,
        "dropout = [0.1, 0.3]\nfilters = [[4, 6, 6], [8, 8, 8]]\ncache_features = [true, false]\n"
        "[learning_rate]\nlow = 1e-4\nhigh = 1e-2\nlog = true\n",
        "space.TOML",
    )
    spaces = [read_space(file, get_architecture("cnn"), {}) for file in (yaml, toml)]
    assert sorted(spaces[0], key=lambda each: each.name) == sorted(spaces[1], key=lambda each: each.name)
    assert {"[4, 6, 6]", "[8, 8, 8]"} in [set(getattr(each, "values", ())) for each in spaces[0]]


def test_the_usual_space_leaves_out_what_is_given_and_dropout_where_there_is_none() -> None:
    names = [each.name for each in usual_space(get_architecture("cnn"), {"weight_decay": "0"})]
    assert names == ["learning_rate", "batch_size", "dropout"]
    with pytest.raises(EmozooError, match="name others with --space FILE"):
        usual_space(get_architecture("cnn"), dict.fromkeys([*names, "weight_decay"], "1"))


ENDS = st.tuples(*[st.floats(1e-8, 1e8)] * 2).map(sorted)


@settings(max_examples=40, deadline=None)
@given(ends=ENDS, log=st.booleans(), whole=st.booleans(), seed=st.integers(0, 99))
def test_every_number_that_is_tried_is_in_its_range_as_it_is_written(
    ends: list[float], log: bool, whole: bool, seed: int
) -> None:
    low, high = (max(1, round(each)) if whole else each for each in ends)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    text = Range("x", low, high, log, whole).suggest(study.ask())
    assert low <= (int if whole else float)(text) <= high


def test_without_optuna_the_way_to_install_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(EmozooError, match=r"pip install 'emozoo\[tune\]'"):
        tune(options(), tmp_path / "study", trials=1)
    assert not (tmp_path / "study").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    error = one_error(emozoo(*words(tmp_path / "mine", space_file(tmp_path), 1), check=2))
    assert "is not a search of emozoo tune" in error
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_the_command_of_a_training_has_all_its_options() -> None:
    asked = RunOptions(
        "cnn", "manifest", "my clips/ü.csv", ("sad", "happy"), {"joy": "happy"}, "group-3", 2, 4,
        {"learning_rate": "1e-3", "kernels": "[[5,5],[5,5],[3,3]]"}, "bf16", None, "face", True, True, "emotion", True,
        None, 7, None, {"speaker": "who"}, True,
    )  # fmt: skip
    line = shlex.split(train_command(asked))
    found = typer.main.get_command(app).commands["train"].make_context("train", line[2:]).params  # type: ignore[attr-defined]
    assert found["data_dir"] == "my clips/ü.csv" and found["labels"] == "multi,sad,happy" and found["fold"] == "2"
    assert found["merge"] == ["joy=happy"] and found["columns"] == ["speaker=who"] and found["labels_as_is"] is True
    assert found["set_"] == [f"{key}={value}" for key, value in asked.settings.items()]
    assert (found["seed"], found["split_seed"], found["precision"], found["crop"]) == (4, 7, "bf16", "face")
    assert found["denoise"] is True and found["protocol"] == "group-3"
    assert train_command(RunOptions("cnn", "toy")) == "emozoo train cnn --dataset toy"
