"""Runs whose record answers what the command line leaves out: resumed, repeated and varied."""

import shutil
from pathlib import Path

import pytest
import torch
from support.small import emozoo, one_error, read, train_words

from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.cli.run_options import varied
from emozoo.training.progress import Progress
from emozoo.training.train import train


class Stops(Progress):
    """Stops a training after its first epoch, as Ctrl-C would."""

    def epoch(self, *_: object) -> None:
        raise KeyboardInterrupt


def test_a_run_resumes_without_its_options_and_is_repeated_and_varied_by_its_record(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    emozoo(*train_words(whole, "--protocol", "group-2", "--seed", "3", "--labels", "sad,angry,neutral", epochs=2))
    options = read_options(whole)
    assert options is not None and options.seed == 3 and options.labels == ("sad", "angry", "neutral")
    with pytest.raises(KeyboardInterrupt):
        train(options, cut, device="cpu", progress=Stops())
    told = one_error(emozoo("train", "--resume", "--output", cut, "--seed", "4", "--epochs", "3", check=2))
    assert "(seed 4 instead of 3; epochs 3 instead of 2)" in told
    emozoo("train", "--resume", "--output", cut, "--device", "cpu")
    emozoo("train", "--config", whole / "run.json", "--output", tmp_path / "again", "--device", "cpu")
    for run in (cut, tmp_path / "again"):
        assert read(run / "run.json") == read(whole / "run.json")
        assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    more = ["--set", "learning_rate=1e-4", "--epochs", "1", "--seed", "5", "--device", "cpu"]
    emozoo("train", "--config", whole / "run.json", *more, "--output", tmp_path / "varied")
    told = read(whole / "run.json")
    settings = {**told["settings"], "learning_rate": "1e-4", "epochs": "1"}
    assert read(tmp_path / "varied" / "run.json") == {**told, "seed": 5, "settings": settings}
    shutil.copy(whole / "run.json", tmp_path / "other.json")
    assert "must be the run.json of a run" in one_error(emozoo("train", "--config", tmp_path / "other.json", check=2))
    assert "name an architecture" in one_error(emozoo("train", "--resume", "--output", tmp_path / "none", check=2))


def test_what_is_given_replaces_what_is_recorded_and_nothing_else() -> None:
    recorded = RunOptions("cnn", "toy", labels=("sad",), fold=None, settings={"epochs": "9"}, seed=1, seeds=(1, 2))
    asked = RunOptions("cnn_rnn", "iemocap", labels=("happy",), multi=False, settings={"noise": "1"}, seed=7)
    one = varied(recorded, asked, ["labels", "seed", "device", "set_"])
    assert (one.architecture, one.dataset, one.fold, one.labels) == ("cnn", "toy", None, ("happy",))
    assert (one.seed, one.seeds, one.settings) == (7, None, {"epochs": "9", "noise": "1"})
    assert varied(recorded, RunOptions("cnn_rnn", "iemocap"), []) == recorded
