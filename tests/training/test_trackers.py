"""What trackers are told of a training, and what happens where one is missing or fails."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.small import NETWORK, RECIPE, emozoo, one_error, read, toy, train_words

from emozoo.checkpoint.run import RunOptions
from emozoo.filenames import RESUME
from emozoo.training.progress import Progress
from emozoo.training.trackers import TRACKERS, LogTo, RunLog
from emozoo.training.train import train

LOGGED = {"loss", "learning_rate", "seconds", "dev_loss", "dev_wa", "dev_ua"}
TESTED = {"test_wa", "test_ua", "test_macro_f1"}
PICTURES = {"confusion_matrix", "training_curves"}


def events(run: Path) -> Any:
    """TensorBoard's own reader of a run's logs."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(run / "logs" / "emozoo"), size_guidance={"images": 0})
    return found.Reload()


def scalars(run: Path, name: str) -> list[tuple[int, float]]:
    return [(each.step, each.value) for each in events(run).Scalars(name)]


def told_as_in_metrics(run: Path) -> None:
    metrics = read(run / "metrics.json")
    history = metrics["training"]["history"]
    for name in LOGGED:
        expected = [(entry["epoch"], pytest.approx(entry[name], rel=1e-6)) for entry in history]
        assert scalars(run, name) == expected, name
    for name in TESTED:
        expected = pytest.approx(metrics["test"][name.removeprefix("test_")], rel=1e-6)
        assert scalars(run, name) == [(len(history), expected)]


def test_tensorboard_is_told_the_history_the_test_figures_and_the_pictures(tmp_path: Path) -> None:
    run = tmp_path / "über uns"
    emozoo(*train_words(run, "--log", "tensorboard", "--json"))
    told_as_in_metrics(run)
    tags = events(run).Tags()
    assert set(tags["images"]) == PICTURES and set(tags["scalars"]) == LOGGED | TESTED
    assert events(run).Images("confusion_matrix")[0].encoded_image_string.startswith(b"\x89PNG")
    written = b"".join(path.read_bytes() for path in (run / "logs").rglob("*") if path.is_file())
    for word in ("architecture", "split_seed", "batch_size", "network.filters"):
        assert word.encode() in written, word
    assert str(tmp_path).encode() not in written and str(toy()).encode() not in written


class StopsAfter(Progress):
    """Stops the training after an epoch, as if its state had not been kept: that of the epoch before is put back."""

    def __init__(self, run: Path, epoch: int) -> None:
        self.run, self.at = run, epoch

    def epoch(self, record: Any, total: int, is_best: bool) -> None:
        kept = self.run.with_name("kept")
        if record.epoch == self.at:
            shutil.copy(kept, self.run / RESUME)
            raise KeyboardInterrupt
        shutil.copy(self.run / RESUME, kept)


def test_a_resumed_run_continues_its_log(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    asked = RunOptions("cnn", "toy", str(toy()), settings={**NETWORK, **RECIPE, "epochs": "3"})
    log_to = LogTo(("tensorboard",))
    with pytest.raises(KeyboardInterrupt):
        train(asked, run, device="cpu", progress=StopsAfter(run, 2), log_to=log_to)
    train(asked, run, device="cpu", resume=True, log_to=log_to)
    assert [step for step, _ in scalars(run, "loss")] == [1, 2, 3]
    told_as_in_metrics(run)


def test_each_seed_and_fold_is_a_run_of_its_own_in_one_group(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    more = ["--seeds", "0,1", "--fold", "all", "--protocol", "group-2", "--log", "tensorboard"]
    emozoo(*train_words(folder, *more, epochs=1))
    for name in ("seed0/fold1", "seed0/fold2", "seed1/fold1", "seed1/fold2"):
        told_as_in_metrics(folder / name)
        written = b"".join(path.read_bytes() for path in (folder / name / "logs").rglob("events*"))
        assert f"all/{name}".encode() in written
    assert LogTo(root=folder).named(folder / "seed1" / "fold2") == ("all/seed1/fold2", "all")
    assert LogTo(root=folder).named(folder) == ("all", None)


def test_a_log_of_nothing_leaves_nothing_and_is_no_option_of_the_run(tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "run", "--log", "none", epochs=1))
    assert not (tmp_path / "run" / "logs").exists()
    assert "log" not in " ".join(read(tmp_path / "run" / "run.json"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tensorbord", "did you mean tensorboard?"),
        ("tensorboard,clipboard", "clipboard is no tracker that emozoo knows"),
        (",", "names no tracker"),
        *[(name, f"pip install {name}") for name in TRACKERS if not find_spec(name)],
    ],
)
def test_a_tracker_that_is_not_there_is_named_before_anything_is_trained(
    words: str, expected: str, tmp_path: Path
) -> None:
    assert expected in one_error(emozoo(*train_words(tmp_path / "run", "--log", words), check=2))
    assert not (tmp_path / "run").exists()


class Told(Progress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_a_tracker_that_fails_is_named_once_and_left_out(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "logs").write_text("in the way of the folder")
    told = Told()
    log = RunLog(LogTo(("tensorboard",)), tmp_path, {}, told)
    log.start(0, {})
    log.numbers({"loss": 1.0}, 1)
    log.pictures([tmp_path / "none.png"], 1)
    log.close()
    assert len(told.messages) == 1
    assert told.messages[0].startswith("tensorboard failed, and the training goes on without it")


def test_mlflow_keeps_the_run_and_a_server_that_is_down_loses_no_training(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    run, store = tmp_path / "run", f"sqlite:///{tmp_path}/mlflow.db"
    emozoo(*train_words(run, "--log", "mlflow"), MLFLOW_TRACKING_URI=store, cwd=tmp_path)
    client = mlflow.MlflowClient(store)
    found = client.get_run(read(run / "logs" / "runs.json")["mlflow"])
    history = read(run / "metrics.json")["training"]["history"]
    metrics = client.get_metric_history(found.info.run_id, "dev_ua")
    assert [(each.step, each.value) for each in metrics] == [(each["epoch"], each["dev_ua"]) for each in history]
    assert found.data.metrics["test_ua"] == read(run / "metrics.json")["test"]["ua"]
    assert found.data.params["architecture"] == "cnn" and found.info.run_name == "run"
    assert str(tmp_path) not in json.dumps(found.data.params)
    assert {Path(each.path).stem for each in client.list_artifacts(found.info.run_id)} == PICTURES

    words = train_words(tmp_path / "other", "--log", "mlflow", epochs=1)
    down = emozoo(*words, MLFLOW_TRACKING_URI="http://user:secret@127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert down.stderr.count("mlflow failed") == 1 and "secret" not in down.stderr
    assert (tmp_path / "other" / "metrics.json").is_file()


def test_wandb_works_offline_and_json_stays_one_document(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    words = train_words(tmp_path / "run", "--log", "wandb", "--json", epochs=1)
    document = json.loads(emozoo(*words, WANDB_MODE="offline", WANDB_SILENT="true").stdout)
    assert document["run"] == str(tmp_path / "run")
    (written,) = (tmp_path / "run" / "logs").rglob("*.wandb")
    content = written.read_bytes()
    assert b"dev_ua" in content and b"test_ua" in content and str(toy()).encode() not in content


def test_trackio_keeps_the_run_and_json_stays_one_document(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    words = train_words(tmp_path / "run", "--log", "trackio", "--json", epochs=1)
    document = json.loads(emozoo(*words, TRACKIO_DIR=str(tmp_path / "trackio")).stdout)
    assert document["run"] == str(tmp_path / "run")
    assert b"test_ua" in (tmp_path / "trackio" / "emozoo.db").read_bytes()
