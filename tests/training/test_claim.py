"""A run's folder: one training at a time, one run's options, and free again where no training could begin."""

import errno
import fcntl
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from support.distributions import distribution
from support.small import NETWORK, RECIPE, emozoo, one_error, read, toy, train_words

from emozoo import EmozooError
from emozoo.checkpoint.lock import LOCK
from emozoo.checkpoint.run import RunOptions
from emozoo.evaluation.evaluate import evaluate
from emozoo.paths import PART
from emozoo.training.claim import differences
from emozoo.training.progress import Progress
from emozoo.training.train import train

AT_WORK = "another training or evaluation is at work"


def options(architecture: str = "cnn", **changes: Any) -> RunOptions:
    settings = {**(NETWORK if architecture == "cnn" else {}), **RECIPE, "epochs": "1", **changes.pop("settings", {})}
    return RunOptions(architecture, "toy", str(toy()), settings=settings, **changes)


class Meanwhile(Progress):
    """Does something once, in the middle of the first epoch."""

    def __init__(self, act: Any) -> None:
        self.act = act
        self.done = False

    def step(self, epoch: int, done: int, total: int) -> None:
        if not self.done:
            self.done = True
            self.act()


def test_whoever_comes_second_is_told_however_both_were_started(tmp_path: Path) -> None:
    train(options(), tmp_path / "finished", device="cpu")
    folder = tmp_path / "run"
    told: list[list[str]] = []

    def others() -> None:
        words = train_words(folder, epochs=1)
        for more in ([], ["--resume"]):
            assert AT_WORK in one_error(emozoo(*words, *more, check=2))
        for resume in (False, True):
            with pytest.raises(EmozooError, match=AT_WORK):
                train(options(), folder, device="cpu", resume=resume)
        with pytest.raises(EmozooError, match="holds a run"):
            evaluate(tmp_path / "finished", output=folder, device="cpu")
        told.append(sorted(path.name for path in folder.iterdir()))

    train(options(), folder, device="cpu", progress=Meanwhile(others))
    assert "predictions.csv" not in told[0] and (folder / "metrics.json").is_file()
    assert not list(folder.rglob(LOCK)) and not list(folder.rglob(f"{PART}*"))


def test_a_fold_is_held_as_well_and_so_is_the_folder_of_an_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> None:
        with pytest.raises(EmozooError, match=AT_WORK):
            train(options(protocol="group-2"), tmp_path / "all" / "fold1", device="cpu", resume=True)

    train(options(fold=None, protocol="group-2"), tmp_path / "all", device="cpu", progress=Meanwhile(other))
    from emozoo.evaluation import evaluate as evaluation_evaluate

    def measure(*words: Any, **more: Any) -> Any:
        with pytest.raises(EmozooError, match=AT_WORK):
            train(options(), tmp_path / "out", device="cpu")
        return real(*words, **more)

    real = evaluation_evaluate.measure
    monkeypatch.setattr(evaluation_evaluate, "measure", measure)
    evaluate(tmp_path / "all" / "fold1", output=tmp_path / "out", device="cpu")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("confusion_matrix.png", "predictions.csv", "risk_coverage.png"),
    ]


def test_only_one_of_many_threads_begins(tmp_path: Path) -> None:
    from emozoo.training.claim import claimed

    begun: list[int] = []
    refused: list[str] = []
    together, over = threading.Barrier(8), threading.Barrier(8)

    def begin(number: int) -> None:
        together.wait()
        try:
            with claimed(tmp_path / "run", "run", options(seed=number), False):
                begun.append(number)
                over.wait()
        except EmozooError as error:
            refused.append(str(error))
            over.wait()

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1 and len(refused) == 7
    assert read(tmp_path / "run" / "run.json")["seed"] == begun[0]


def test_a_file_system_without_locks_costs_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = fcntl.flock

    def flock(handle: int, how: int) -> None:  # other locks are libraries' own
        if os.readlink(f"/proc/self/fd/{handle}").endswith(f"run/{LOCK}"):
            raise OSError(errno.ENOLCK, "No locks available")
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr("logging.Logger.propagate", True, raising=False)
    with caplog.at_level("WARNING", "emozoo"):
        train(options(), tmp_path / "run", device="cpu")
    assert "without locks" in caplog.text and (tmp_path / "run" / "metrics.json").is_file()
    assert not list(tmp_path.rglob(LOCK))


BAD = '''
    """Networks of which each fails at another step."""

    from dataclasses import dataclass

    from torch import nn

    from emozoo.architecture import Architecture, Recipe

    @dataclass(frozen=True)
    class Config:
        fails: str = ""

    class Network(nn.Module):
        def __init__(self, config, labels):
            super().__init__()
            self.config, self.head = config, nn.Linear(48_000, labels)
            if config.fails == "build":
                raise KeyError("no such layer")

        def load_pretrained(self, asked):
            if self.config.fails == "download":
                raise OSError(28, "No space left on device")

        def forward(self, input_values):
            if self.config.fails == "memory":
                raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: "
                                   "you tried to allocate 999 bytes. Error code 12 (Cannot allocate memory)")
            if self.config.fails == "stop":
                raise KeyboardInterrupt
            if self.config.fails == "kill":
                import os
                os.kill(os.getpid(), 9)
            return self.head(input_values)

    def prepare(config):
        return config

    architecture = Architecture("bad", ("audio",), Config, Network, Recipe(), prepare=prepare)
'''


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    distribution(tmp_path / "site", "bad-net", {"bad": "bad_net:architecture"}, BAD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


@pytest.mark.parametrize("fails", ["build", "download", "memory", "stop"])
@pytest.mark.parametrize("fold", [1, None])
def test_a_training_that_cannot_begin_leaves_its_folder_to_the_next_try(
    fails: str, fold: int | None, bad: Path, tmp_path: Path
) -> None:
    with pytest.raises((EmozooError, KeyboardInterrupt)):
        train(options("bad", settings={"fails": fails}, fold=fold), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_process_that_was_killed_before_its_first_epoch_leaves_the_folder_as_well(bad: Path, tmp_path: Path) -> None:
    words = ["train", "bad", "--dataset", "toy", "--data-dir", str(toy()), "--output", str(tmp_path / "run")]
    words += ["--epochs", "1", "--device", "cpu"]
    emozoo(*words, "--set", "fails=kill", PYTHONPATH=str(bad), check=-9)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {LOCK, "run.json"} <= left
    (tmp_path / "run" / f"{PART}0123-model.safetensors").touch()
    emozoo(*words, PYTHONPATH=str(bad))
    assert read(tmp_path / "run" / "run.json")["settings"] == {"epochs": "1"}
    assert not list((tmp_path / "run").glob(f"{PART}*")) and not (tmp_path / "run" / LOCK).exists()


def test_what_differs_at_resume_is_named_and_values_are_compared_as_values(tmp_path: Path) -> None:
    begun = RunOptions(
        "cnn", "toy", "x", settings={"learning_rate": "0.001", "frame_augment": "true", "filters": "4,6,6"}
    )
    same = {"learning_rate": "1e-3", "frame_augment": "Yes", "filters": "[4, 6, 6]", "epochs": "20"}  # the recipe's own
    assert differences(RunOptions("cnn", "toy", "./x", settings=same), begun) == []
    other = RunOptions(
        "cnn", "toy", "y", labels=("sad", "angry"), fold=None, denoise=True, merge={"excited": "happy"}, seed=4,
        settings={"learning_rate": "3e-3", "frame_augment": "true", "filters": "4,6,8"},
    )  # fmt: skip
    assert differences(other, begun) == [
        f"data-dir {Path('y').absolute()} instead of {Path('x').absolute()}",
        "labels sad,angry instead of unset", "merge excited=happy instead of unset", "fold unset instead of 1",
        "seed 4 instead of 0", "filters 4,6,8 instead of 4,6,6", "learning_rate 0.003 instead of 0.001",
        "denoise true instead of false",
    ]  # fmt: skip
    assert differences(RunOptions("cnn", "toy", seed=4), RunOptions("cnn", "toy", seed=4, split_seed=4)) == []
    split = differences(RunOptions("cnn", "toy", split_seed=4), RunOptions("cnn", "toy"))
    assert split == ["split-seed 4 instead of unset"]
    tuned = RunOptions("cnn", "toy", start="speech", settings={"dropout": "0.5"})
    assert differences(tuned, RunOptions("cnn", "toy", start="speech")) == ["dropout 0.5 instead of unset"]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("run.json", {"emozoo": "99.1", "warp": 9}, "was written by emozoo 99.1, and this is"),
        ("run.json", {"emozoo": None, "warp": 9}, "is damaged"),
        ("run.json", {"emozoo": "99.1", "seed": [9]}, "was written by emozoo 99.1, and this is"),
        ("run.json", {"seed": "nine"}, "is damaged"),
        ("run.json", {"labels": 3}, "is damaged"),
        ("metrics.json", {"emozoo": "99.1", "test": {"better": 1}}, "was written by emozoo 99.1, and this is"),
        ("metrics.json", {"test": 3}, "is damaged"),
        ("metrics.json", {"test": {"confusion": []}}, "is damaged"),
    ],
)  # fmt: skip
def test_a_record_that_another_version_wrote_or_that_is_damaged_is_one_sentence(
    name: str, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    train(options(), tmp_path / "run", device="cpu")
    document = read(tmp_path / "run" / name)
    from emozoo import __version__

    assert document["emozoo"] == __version__
    (tmp_path / "run" / name).write_text(json.dumps({**document, **change}))
    with pytest.raises(EmozooError, match=words):
        train(options(), tmp_path / "run", device="cpu", resume=True)
    assert read(tmp_path / "run" / name) == {**document, **change}
