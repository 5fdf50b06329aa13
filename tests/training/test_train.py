"""Training as a user runs it, on the toy corpus with small networks: the run's folder, resuming, folds, refusals."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import PartialState
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.models import small_model
from support.schemas import validate
from support.small import NETWORK, RECIPE, emozoo, one_error, read, toy, train_words
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import emozoo as package
from emozoo.checkpoint.run import RunOptions
from emozoo.data import resident
from emozoo.evaluation.data import open_data
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.averaging import average_weights
from emozoo.training.history import EpochRecord
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer
from emozoo.training.objective import Objective
from emozoo.training.progress import Progress
from emozoo.training.train import train

CHECKPOINT = {"config.json", "model.safetensors", "preprocessor_config.json", "provenance.json"}
RESULTS = {
    *("split.json", "metrics.json", "predictions.csv", "run.json"),
    *("confusion_matrix.png", "risk_coverage.png", "training_curves.png"),
}


def options(**changes: object) -> RunOptions:
    known = {"architecture": "cnn", "dataset": "toy", "data_dir": str(toy())}
    settings = {**NETWORK, **RECIPE, "epochs": "3", **changes.pop("settings", {})}  # type: ignore[dict-item]
    return RunOptions(**known, settings=settings, **changes)  # type: ignore[arg-type]


def history(folder: Path) -> list[dict]:
    return [
        {k: v for k, v in r.items() if k != "seconds"} for r in read(folder / "metrics.json")["training"]["history"]
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from the command line, in a folder with a difficult name."""
    folder = tmp_path_factory.mktemp("runs") / "my rün"
    emozoo(*train_words(folder, epochs=3))
    return folder


def test_a_run_is_a_checkpoint_with_its_results(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} - {"logs"} == CHECKPOINT | RESULTS
    metrics = read(finished / "metrics.json")
    assert metrics["data"]["protocol"] == "session" and metrics["data"]["speaker_disjoint"] is True
    assert sum(part["clips"] for part in metrics["data"]["parts"].values()) == 50
    assert len(metrics["training"]["history"]) == 3
    best = max(metrics["training"]["history"], key=lambda record: (record["dev_ua"], -record["dev_loss"]))
    assert metrics["training"]["best_epoch"] == best["epoch"] and metrics["dev"]["dev_ua"] == best["dev_ua"]
    assert metrics["training"]["versions"]["emozoo"] == package.__version__
    rows = (finished / "predictions.csv").read_text().splitlines()
    assert rows[0] == "utterance_id,speaker,label,predicted,happy,sad,angry,neutral"
    assert len(rows) - 1 == metrics["test"]["count"] == np.sum(metrics["test"]["confusion"])
    assert all(row.startswith("Ses01") for row in rows[1:])
    assert (
        "data_dir" not in (finished / "metrics.json").read_text()
    )  # what is published names no folder of this machine
    assert str(toy()) not in (finished / "metrics.json").read_text() + (finished / "config.json").read_text()


def test_the_checkpoint_predicts_what_the_run_measured(finished: Path) -> None:
    model = package.load(finished, "cpu")
    with open(finished / "predictions.csv") as file:
        names = file.readline().strip().split(",")
        row = dict(zip(names, file.readline().strip().split(","), strict=True))
    path = next(toy().rglob(f"{row['utterance_id']}.wav"))
    for label, value in model.predict(path).probabilities.items():
        assert value == pytest.approx(float(row[label]), abs=2e-6)


def test_evaluate_gives_the_runs_own_test_results_again(finished: Path, tmp_path: Path) -> None:
    document = json.loads(emozoo("evaluate", finished, "--json", "--output", tmp_path / "out").stdout)
    measured = read(finished / "metrics.json")["test"]
    assert {name: document[name] for name in measured} == measured
    assert document["dataset"] == "toy" and "session fold 1 (Ses01)" in document["part"] and document["note"] == ""
    assert (tmp_path / "out" / "predictions.csv").read_text() == (finished / "predictions.csv").read_text()
    assert (tmp_path / "out" / "confusion_matrix.png").is_file()
    table = emozoo("evaluate", finished).stdout
    assert "95 % interval over speakers" in table and "Ses01_F" in table and "macro F1" in table


def test_evaluate_refuses_labels_that_do_not_match(finished: Path, tmp_path: Path) -> None:
    sounds = zip(sorted(toy().rglob("*_F000.wav")), ("pride", "grief"), strict=False)
    manifest = tmp_path / "others.csv"
    manifest.write_text("file,label,speaker\n" + "".join(f"{sound},{word},x\n" for sound, word in sounds))
    line = one_error(emozoo("evaluate", finished, "--dataset", "manifest", "--data-dir", manifest, check=2))
    assert all(word in line for word in ("happy", "sad", "angry", "neutral", "pride", "grief"))
    manifest.write_text(manifest.read_text().replace("pride", "joy"))
    told = emozoo("evaluate", finished, "--dataset", "manifest", "--data-dir", manifest).stderr
    assert "1 of the 2 clips of manifest are left out: they are labelled grief" in told


def test_predict_and_info_take_the_run(finished: Path) -> None:
    wav = next(toy().rglob("sentences/**/*.wav"))
    assert json.loads(emozoo("predict", wav, "--model", finished, "--json").stdout)["predictions"][0]["emotion"]
    document = json.loads(emozoo("info", finished, "--json").stdout)
    assert document["kind"] == "checkpoint" and document["trained_on"].startswith("toy, session fold 1 of 5")


def test_two_runs_with_one_seed_are_equal_and_with_another_differ(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(options(seed=seed), tmp_path / name, device="cpu")
    assert history(tmp_path / "a") == history(tmp_path / "b") != history(tmp_path / "c")
    a, b, c = (load_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def interrupt_after(epochs: int, folder: Path, words: list[str], how: signal.Signals) -> int:
    """Starts a training process and ends it when so many epochs are over; returns its exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "emozoo", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch") and int(line.split()[1].split("/")[0]) == epochs:
            process.send_signal(how)
            break
    rest = process.stderr.read()
    status = process.wait(60)
    assert "Traceback" not in rest
    if how != signal.SIGKILL:
        assert "stopped; --resume continues" in rest
    return status


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_resumes_to_the_very_same_result(how: signal.Signals, tmp_path: Path) -> None:
    extra = ["--set", "schedule=cosine", "--set", "noise=0.5", "--set", "time_mask=40", "--set", "shift=0.2"]
    extra += ["--set", "ema_decay=0.9"]
    emozoo(*train_words(tmp_path / "whole", *extra, epochs=5))
    words = train_words(tmp_path / "cut", *extra, epochs=5)
    status = interrupt_after(2, tmp_path / "cut", words, how)
    assert status == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[how]
    if how != signal.SIGKILL:
        assert not [path for path in (tmp_path / "cut").iterdir() if path.name.startswith(".")]  # no lock, nothing half
    assert (tmp_path / "cut" / "resume.safetensors").exists() and not (tmp_path / "cut" / "metrics.json").exists()
    package.load(tmp_path / "cut", "cpu")  # the best epoch so far is a whole checkpoint
    assert "holds a run already" in one_error(emozoo(*words, check=2))
    assert "(seed 4 instead of 0)" in one_error(emozoo(*words, "--resume", "--seed", "4", check=2))
    done = emozoo(*words, "--resume")
    assert "going on after epoch" in done.stderr
    assert history(tmp_path / "cut") == history(tmp_path / "whole")
    for name in ("model.safetensors", "predictions.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "cut" / "resume.safetensors").exists()
    before = (tmp_path / "cut" / "model.safetensors").stat().st_mtime_ns
    emozoo(*words, "--resume")  # a finished run is shown again, not trained again
    assert (tmp_path / "cut" / "model.safetensors").stat().st_mtime_ns == before


def test_a_damaged_state_is_refused_by_name(tmp_path: Path) -> None:
    words = train_words(tmp_path / "run", epochs=3)
    interrupt_after(1, tmp_path / "run", words, signal.SIGKILL)
    state = tmp_path / "run" / "resume.safetensors"
    with safe_open(state, "pt") as file:
        meta = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert meta["emozoo"] == package.__version__
    some = dict(list(tensors.items())[1:])
    save_file(some, state, {**meta, "emozoo": "99.1"})
    assert "was written by emozoo 99.1, and this is" in one_error(emozoo(*words, "--resume", check=2))
    save_file(tensors, state, {**meta, "state": "{}"})
    assert "resume.safetensors is damaged" in one_error(emozoo(*words, "--resume", check=2))
    state.write_bytes(b"torn")
    assert "resume.safetensors is damaged" in one_error(emozoo(*words, "--resume", check=2))


def test_all_folds_give_a_table_a_summary_and_the_pooled_matrix(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    done = emozoo(*train_words(folder, "--fold", "all", epochs=1))
    assert done.stderr.count(": test UA") == 5 and "mean of folds ± deviation" in done.stdout
    summary = read(folder / "summary.json")
    tests = [read(folder / f"fold{number}" / "metrics.json")["test"] for number in range(1, 6)]
    assert summary["folds"] == 5 and summary["pooled"]["count"] == 50
    assert summary["ua_mean"] == pytest.approx(np.mean([test["ua"] for test in tests]))
    assert summary["ua_std"] == pytest.approx(np.std([test["ua"] for test in tests], ddof=1))
    assert np.array_equal(summary["pooled"]["confusion"], np.sum([test["confusion"] for test in tests], axis=0))
    assert (folder / "confusion_matrix.png").is_file()
    for words in (["predict", "x.wav", "--model"], ["export"]):
        assert f"name one of its folds, such as {folder}/fold1" in one_error(emozoo(*words, folder, check=2))
    whole = json.loads(emozoo("evaluate", folder, "--device", "cpu", "--json").stdout)
    validate(whole, "evaluate")
    assert {key: whole[key] for key in ("confusion", "ua", "ua_interval", "count")} == {
        key: summary["pooled"][key] for key in ("confusion", "ua", "ua_interval", "count")
    }
    assert whole["over_folds"] == {
        key: value for key, value in summary.items() if key not in ("pooled", "note", "groups")
    }
    assert [(one["fold"], one["ua"]) for one in whole["by_fold"]] == [
        (f"fold{number}", test["ua"]) for number, test in enumerate(tests, 1)
    ]
    shown = emozoo("evaluate", folder, "--device", "cpu").stdout
    assert "mean of 5 folds ± deviation: WA" in shown and "pooled: the test clips of all 5 folds together" in shown
    assert f"name one of them, such as {folder}/fold1" in one_error(emozoo("evaluate", folder, "--fold", "2", check=2))
    document = json.loads(emozoo(*train_words(folder, "--fold", "all", epochs=1), "--resume", "--json").stdout)
    assert document["run"] == str(folder) and document["ua_mean"] == summary["ua_mean"]
    assert [fold["ua"] for fold in document["test"]] == [test["ua"] for test in tests]


def test_numbers_of_a_random_split_are_marked_speaker_dependent(tmp_path: Path) -> None:
    done = emozoo(*train_words(tmp_path / "run", "--protocol", "random", epochs=1))
    assert "speaker-dependent" in done.stdout
    assert "speaker-dependent" in read(tmp_path / "run" / "metrics.json")["data"]["note"]
    assert "speaker-dependent" in emozoo("evaluate", tmp_path / "run").stdout
    assert "speaker-dependent" in emozoo("info", tmp_path / "run").stdout


def test_early_stopping_and_pretraining(tmp_path: Path) -> None:
    still = {
        "epochs": "12",
        "patience": "2",
        "learning_rate": "1e-12",
    }  # learns nothing, so no epoch is better than the first
    train(options(settings=still), tmp_path / "stopped", device="cpu")
    assert len(history(tmp_path / "stopped")) == 3
    av = RunOptions(
        "cnn_rnn_3dcnn",
        "toy",
        str(toy()),
        settings={**NETWORK, **RECIPE, "video_filters": "4,4,4,4", "epochs": "1", "pretrain_epochs": "2"},
    )
    train(av, tmp_path / "av", device="cpu")
    assert [record["pretraining"] for record in history(tmp_path / "av")] == [True, True, False]
    assert read(tmp_path / "av" / "config.json")["modalities"] == ["audio", "video"]


def test_without_a_dev_split_all_but_the_test_clips_are_trained_on_and_the_last_epoch_is_kept(tmp_path: Path) -> None:
    done = emozoo(*train_words(tmp_path / "run", "--no-dev", epochs=2))
    assert "40 clips to train, no dev, 10 test" in done.stderr and "best so far" not in done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} - {"logs"} == CHECKPOINT | RESULTS
    metrics = read(tmp_path / "run" / "metrics.json")
    clips = {name: part["clips"] for name, part in metrics["data"]["parts"].items()}
    assert clips == {"train": 40, "dev": 0, "test": 10}
    assert metrics["dev"] == {} and metrics["training"]["best_epoch"] == 2
    emozoo("card", tmp_path / "run")
    assert "epoch 2, the last, for the dev split was trained on as well" in (tmp_path / "run" / "README.md").read_text()
    wrong = emozoo(*train_words(tmp_path / "other", "--no-dev", "--set", "patience=2"), check=2)
    assert "patience needs the dev split" in one_error(wrong) and not (tmp_path / "other").exists()


def test_the_averaged_weights_are_those_that_are_kept(tmp_path: Path) -> None:
    average, current = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)  # which has a counter
    torch.nn.init.constant_(average.weight, 7)
    lags = []
    for step in range(200):
        torch.nn.init.constant_(current.weight, step)
        current.num_batches_tracked.fill_(step)
        average_weights(average, current, 0.9, step)
        lags.append(step - average.weight.item())
    assert lags[0] == 0  # where it begins does not count
    assert lags[1] == pytest.approx(2 / 11)  # of the way from 0: d = (1 + 1) / (10 + 1)
    assert lags[-1] == pytest.approx(0.9 / (1 - 0.9), abs=1e-3)  # a mean lags behind a ramp by d / (1 - d) steps
    assert average.num_batches_tracked.item() == 199  # a counter is copied, not averaged
    kept = {}
    for decay in ("0", "0.9"):
        train(options(settings={"epochs": "1", "ema_decay": decay}), tmp_path / decay, device="cpu")
        kept[decay] = load_file(tmp_path / decay / "model.safetensors")
    assert any(not torch.equal(kept["0"][name], kept["0.9"][name]) for name in kept["0"])
    losses = [history(tmp_path / decay)[0]["loss"] for decay in kept]
    assert losses[0] == losses[1]  # the weights that train are the same


class Interrupting(Progress):
    def epoch(self, record: EpochRecord, total: int, is_best: bool) -> None:
        raise KeyboardInterrupt


def test_a_fine_tuning_can_keep_a_share_of_the_weights_it_started_from(finished: Path, tmp_path: Path) -> None:
    kept = {"start": load_file(finished / "model.safetensors")}
    for share in ("0", "0.25"):
        settings = {"epochs": "2", "learning_rate": "1e-2", "start_share": share}
        tuning = options(settings=settings, start=str(finished), dev=False)
        if share != "0":  # interrupted after its first epoch
            with pytest.raises(KeyboardInterrupt):
                train(tuning, tmp_path / share, device="cpu", progress=Interrupting())
        train(tuning, tmp_path / share, device="cpu", resume=True)
        kept[share] = load_file(tmp_path / share / "model.safetensors")
    assert any(not torch.allclose(kept["0"][name], kept["start"][name], atol=1e-4) for name in kept["0"])
    for name, value in kept["0.25"].items():
        between = 0.25 * kept["start"][name] + 0.75 * kept["0"][name]
        torch.testing.assert_close(value, between, atol=1e-6, rtol=1e-5)
    for words, expected in (
        ([], "start_share is for fine-tuning only"),
        (["--from", str(finished), "--labels", "sad,angry"], "start_share needs the same labels"),
    ):
        wrong = emozoo(*train_words(tmp_path / "wrong", "--set", "start_share=0.25", *words), check=2)
        assert expected in one_error(wrong) and not (tmp_path / "wrong").exists()


class Copies(TorchDispatchMode):
    """The shapes of what goes from one device to another."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        source = {"_to_copy": args[:1], "copy_": args[1:2]}.get(func.overloadpacket.__name__, ())
        self.shapes += [tuple(each.shape) for each in source if each.device != result.device]
        return result


@pytest.mark.parametrize("pretrain_epochs", ["0", "1"])
def test_an_epoch_reads_nothing_back_from_the_device_before_its_end(
    pretrain_epochs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensors of torch's meta device have no values, so that whatever asks for one fails."""
    meta = torch.device("meta")
    monkeypatch.setattr(PartialState, "_shared_state", {})  # which earlier trainings in this process have set
    monkeypatch.setattr(PartialState, "default_device", meta)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # does not know this device
    monkeypatch.setattr(resident, "fits", lambda store, device: True)
    more = {"frame_augment": "true", "gain": "3", "balance": "loss", "video_filters": "4,4"}
    architecture = get_architecture("cnn_rnn_3dcnn")
    config, recipe = apply_settings(
        architecture, {**NETWORK, **RECIPE, **more, "batch_size": "12", "pretrain_epochs": pretrain_epochs}
    )
    assert recipe.clip_norm and recipe.ema_decay and recipe.noise and recipe.shift and recipe.time_mask
    data = open_data("toy", str(toy()), None, {}, video=True)
    fold = data.folds(None, 0)[0]
    told: list[tuple[int, ...]] = []
    progress = Progress()
    monkeypatch.setattr(progress, "step", lambda *numbers: told.append(numbers))
    with meta:
        trainer = Trainer(
            ModelSpec(architecture, config, data.labels),
            recipe,
            TrainingClips(data.store, fold.train, fold.dev),
            tmp_path,
            seed="0",
            compute=Compute("meta", "fp32"),
            progress=progress,
        )
    data.store.batch(np.zeros(1, int), np.zeros(1, int), meta)  # takes the clips there
    with Copies() as copies, pytest.raises(RuntimeError, match="item"):
        trainer.run_epoch()
    assert (
        told == [(1, number + 1, trainer.examples.batches) for number in range(trainer.examples.batches)]
        and len(told) > 2
    )
    # Of each batch, which clips, where they are cut, and their labels.
    sizes = [len(each) for each in np.array_split(fold.train, trainer.examples.batches)]
    assert copies.shapes == [(size,) for size in sizes for _ in range(3)]


def test_a_process_can_train_in_one_precision_and_then_in_another(tmp_path: Path) -> None:
    for precision in ("bf16", "fp32"):
        train(options(settings={"epochs": "1"}, precision=precision), tmp_path / precision, device="cpu")
    losses = [history(tmp_path / precision)[0]["loss"] for precision in ("bf16", "fp32")]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.05)
    assert read(tmp_path / "fp32" / "metrics.json")["training"]["precision"] == "no"


def test_each_way_to_balance_trains(tmp_path: Path) -> None:
    for balance in ("loss", "none"):
        train(
            options(settings={"balance": balance, "epochs": "1", "optimizer": "adam"}), tmp_path / balance, device="cpu"
        )
        assert history(tmp_path / balance)[0]["loss"] > 0


def test_windows_mixed_in_pairs_are_learnt_by_their_shares(tmp_path: Path) -> None:
    losses = {}
    for mixup in ("0", "0.3"):
        train(options(settings={"mixup": mixup, "epochs": "1"}), tmp_path / mixup, device="cpu")
        losses[mixup] = history(tmp_path / mixup)[0]["loss"]
    assert losses["0.3"] > 0 and losses["0.3"] != losses["0"]
    objective = Objective(small_model("cnn_rnn").eval(), None, 0.1)
    labels, sound = torch.tensor([0, 2]), torch.randn(2, 48_000)
    whole = nn.functional.one_hot(labels, len(objective.model.labels)).float()
    given = (sound, None, torch.full((2,), 48_000))
    unrated = torch.zeros(2, 0)
    torch.testing.assert_close(objective(*given, whole, unrated, False), objective(*given, labels, unrated, False))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "cnnn", "--dataset", "toy"], "did you mean cnn"),
        (["train", "cnn", "--dataset", "toi"], "did you mean toy"),
        (["train", "cnn", "--dataset", "toy", "--fold", "x"], "must be a number from 1, or all"),
        (["train", "cnn", "--dataset", "toy", "--set", "epochs"], "must be KEY=VALUE"),
        (["train", "cnn", "--dataset", "toy", "--set", "epoch=3"], "did you mean epochs"),
        (["train", "cnn", "--dataset", "toy", "--merge", "sad"], "must be KEY=VALUE"),
        (["train", "cnn", "--dataset", "toy", "--device", "toaster"], "device 'toaster'"),
        (["train", "cnn", "--dataset", "toy", "--data-dir", "/nowhere"], "/nowhere"),
        (
            ["train", "cnn", "--dataset", "toy", "--data-dir", "TOY", "--fold", "9"],
            "there is no fold 9: toy has folds 1 to 5",
        ),
        (["train", "cnn", "--dataset", "toy", "--data-dir", "TOY", "--labels", "happy,blue"], "blue"),
        (["train", "cnn", "--dataset", "toy", "--data-dir", "TOY", "--protocol", "odd"], "odd"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(words: list[str], expected: str, tmp_path: Path) -> None:
    words = [str(toy()) if word == "TOY" else word for word in words]
    done = emozoo(*words, check=2, cwd=tmp_path)
    assert expected in one_error(done)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_iemocap_that_is_not_at_hand_says_how_to_get_it_and_what_runs_at_once(tmp_path: Path) -> None:
    line = one_error(emozoo("train", "cnn_rnn", check=2, cwd=tmp_path))
    for words in (
        "EMOZOO_IEMOCAP",
        "--data-dir",
        "sail.usc.edu/iemocap",
        "--dataset toy",
        "--dataset ravdess",
        "manifest",
    ):
        assert words in line


def test_iemocap_is_found_by_its_environment_variable(tmp_path: Path) -> None:
    words = train_words(tmp_path / "run", epochs=1)
    del words[words.index("--dataset") : words.index("--output")]
    emozoo(*words, EMOZOO_IEMOCAP=str(toy()))
    assert read(tmp_path / "run" / "metrics.json")["data"]["dataset"] == "iemocap"


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("precious")
    assert "is not a run of emozoo" in one_error(emozoo(*train_words(tmp_path / "thesis"), check=2))
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "precious"


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in one_error(emozoo(*train_words(tmp_path / "file" / "run"), check=2))


def test_default_folders_are_numbered_and_resume_takes_the_last(tmp_path: Path) -> None:
    words = train_words(Path("unused"), epochs=1)
    at = words.index("--output")
    words = words[:at] + words[at + 2 :]
    for _ in range(2):
        emozoo(*words, cwd=tmp_path)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["cnn-toy", "cnn-toy-2"]
    assert "cnn-toy-2" in emozoo(*words, "--resume", cwd=tmp_path).stderr


def test_training_that_diverges_says_so_and_saves_nothing_broken(tmp_path: Path) -> None:
    words = train_words(tmp_path / "run", "--set", "learning_rate=1e25", "--set", "clip_norm=0")
    assert "training diverged in epoch" in one_error(emozoo(*words, check=2))
    assert not (tmp_path / "run" / "metrics.json").exists()
