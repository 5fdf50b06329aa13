"""research/trainings.py trains the runs of studies by several processes, which end with it, and tells how far all are."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import training_list
import trainings
import yaml
from open_corpora import COLUMNS, write_manifests
from support.places import ROOT
from support.small import NETWORK, RECIPE, TIMEOUT, toy

from emozoo import EmozooError
from emozoo.checkpoint.run import read_options

SCRIPT = ROOT / "research" / "trainings.py"
CORPORA = ("ravdess", "emodb", "nemo", "ased")
STUDIES = sorted((ROOT / "research" / "studies").iterdir())


def study(folder: Path, **changes: Any) -> Path:
    """One run over two folds."""
    path = folder / "small.yaml"
    document = {
        "architecture": "cnn",
        "dataset": {"name": "toy", "as": "tiny", "data-dir": str(toy())},
        "protocol": "group-2",
        "fold": "all",
        "epochs": 1,
        "device": "cpu",
        "set": {**NETWORK, **RECIPE},
        **changes,
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def started(*words: Any, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], status: int) -> str:
    """The standard output of a command that ends with this status."""
    try:
        out, errors = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()  # where it takes too long; its processes end with it
    assert process.returncode == status, out + errors
    return out


def state(out: str, run: str) -> list[str]:
    """The row of a run in the table, in words."""
    [row] = [line.split() for line in out.splitlines() if line.startswith(f"{run} ")]
    return row


def logs(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((folder / "logs").glob("*.log")))


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_processes_train_each_fold_once_and_decode_once_and_the_second_time_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [out, study(tmp_path), "--at-once", "2"]
    shown = ended(started(*words, EMOZOO_CACHE=str(tmp_path / "cache")), 0)
    assert state(shown, "small/cnn-tiny")[1:7] == ["cnn", toy().name, "group-2", "2", "of", "2"]
    assert state(shown, "small/cnn-tiny")[-1] == "finished"
    assert logs(out).count("epoch   1/1") == 2 and logs(out).count("decoding ") == 1
    assert (out / "small" / "cnn-tiny" / "summary.json").is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    again = ended(started(*words), 0)
    assert "processes" not in again and again.splitlines() == shown.splitlines()[-len(again.splitlines()) :]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == before


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_process_that_is_killed_goes_on_after_its_last_whole_epoch(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started(out, study(tmp_path, epochs=4), "--at-once", "1")
    begun = lambda: list(out.rglob("resume.safetensors")) and "epoch   1/4" in logs(out)  # noqa: E731
    wait_until(lambda: begun() or process.poll() is not None)
    [worker] = children(process)
    os.kill(worker, signal.SIGKILL)
    shown = ended(process, 0)
    assert "process 1 was killed by signal 9" in shown and state(shown, "small/cnn-tiny")[-1] == "finished"
    assert logs(out).count("epoch   1/4") == logs(out).count("epoch   4/4") == 2  # once for each fold


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Two processes that train, and one run that waits."""
    out = tmp_path / "out"
    process = started(out, study(tmp_path, epochs=10_000, seed=[0, 1]), "--at-once", "2")
    try:
        wait_until(lambda: len(list(out.rglob("resume.safetensors"))) == 2 or process.poll() is not None)
        yield process, out
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(
    number: signal.Signals, endless: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, out = endless
    workers = children(process)
    assert len(workers) == 2 and all(map(runs, workers))
    process.send_signal(number)
    shown = ended(process, 130 if number == signal.SIGINT else -number)
    wait_until(lambda: not any(map(runs, workers)))
    if number == signal.SIGKILL:
        shown = ended(started(out, tmp_path / "small.yaml", "--table"), 1)
    rows = [state(shown, f"small/cnn-tiny-seed={seed}") for seed in (0, 1)]
    assert all(row[4:7] == ["0", "of", row[6]] for row in rows)
    assert [row[8:] for row in rows] == [["0", "begun"], ["0", "not", "begun"]]


def test_it_stops_in_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = ended(started(out, study(tmp_path, epochs=10_000), "--at-once", "1", "--until", "0.05"), 1)
    assert state(shown, "small/cnn-tiny")[4:6] == ["0", "of"]


def test_what_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    process = started(tmp_path / "out", study(tmp_path, labels="happy,bored"), "--at-once", "1")
    out, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1 and state(out, "small/cnn-tiny")[-2:] == ["not", "begun"]
    assert "cnn-tiny failed: no clip of toy is labelled bored" in errors


@pytest.mark.parametrize(
    ("device", "cores", "gib", "expected"),
    [
        ("cuda", 16, 80, 12),
        ("cuda", 16, 24, 4),
        ("cuda", 16, 4, 1),
        ("cuda", 4, 80, 4),
        ("cpu", 6, 0, 6),
        ("mps", 8, 0, 1),
    ],
)
def test_as_many_at_once_as_the_device_has_room_for(device: str, cores: int, gib: int, expected: int) -> None:
    assert trainings.fitting(torch.device(device), cores, gib * 2**30) == expected


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the manifests of four corpora of one recording each, and the working folder."""
    table = tmp_path / "recordings" / "metadata.csv"
    table.parent.mkdir()
    lines = [",".join((*COLUMNS, "licence"))]
    for corpus in ("ased", "emodb", "nemo", "ravdess"):
        (table.parent / f"{corpus}.opus").touch()
        lines.append(f"{corpus}.opus,sad,{corpus}_1,F,xx,s1,{corpus},free")
    table.write_text("\n".join(lines), encoding="utf-8")
    folder = tmp_path / "manifests"
    assert write_manifests(table, folder) == {"open": 4, "ased": 1, "emodb": 1, "nemo": 1, "ravdess": 1}
    monkeypatch.chdir(folder)
    return folder


def test_the_manifests_name_their_files_from_anywhere(manifests: Path, tmp_path: Path) -> None:
    head, row = (manifests / "nemo.csv").read_text(encoding="utf-8").splitlines()
    assert head == f"utterance_id,{','.join(COLUMNS)}"
    assert row == f"nemo.opus,{(tmp_path / 'recordings' / 'nemo.opus').resolve()},sad,nemo_1,F,xx,s1,nemo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no rows"),
        ("file,corpus\na.opus,emodb\n", "lacks the columns emotion, speaker"),
        (f"{','.join(COLUMNS)}\nx.opus,sad,s,F,xx,1,../up\n", "line 2: '../up' is no name of a corpus"),
        (f"{','.join(COLUMNS)}\nx.opus,sad,s,F,xx,1,emodb\n", "line 2: there is no file"),
    ],
)
def test_a_table_without_what_is_needed_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(EmozooError, match=expected):
        write_manifests(table, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_all_runs_behind_the_tables_can_be_trained(manifests: Path, tmp_path: Path) -> None:
    studies = {each.name: each for each in training_list.read_studies(STUDIES, tmp_path)}
    own = {name: [cell.options for cell in each.cells] for name, each in studies.items()}
    assert own.keys() == {path.stem for path in STUDIES} and all(own.values())
    for box in own["box"]:
        assert not box.dev and box.fold is None and box.protocol == "group-5"
    for left_out in own["left_out"]:
        assert left_out.seeds == (0, 1, 2) and left_out.protocol == "corpus" and not left_out.dev
    assert {options.data_dir for options in own["published"]} == {f"{name}.csv" for name in CORPORA}
    assert len(own["published"]) == 12
    tried, chosen_recipes = (
        [{**options.settings, "epochs": ""} for options in each] for each in (own["recipes"], own["published"])
    )
    assert all(recipe in tried for recipe in chosen_recipes)
    chosen = training_list.read_studies(STUDIES, tmp_path, only="published/cnn-", device="cpu")
    assert [cell.name for cell in chosen[0].cells] == [f"cnn-{name}" for name in CORPORA]
    assert len(chosen) == 1 and chosen[0].device == "cpu"


def test_a_run_from_another_machine_goes_on_where_its_manifest_is_here(manifests: Path, tmp_path: Path) -> None:
    studies = training_list.read_studies(STUDIES, tmp_path / "runs", only="box/networks")
    [study] = studies
    folder = study.folder / study.cells[0].name
    for recorded in ("/elsewhere/open.csv", "/elsewhere/other.csv", str(manifests.parent)):
        replace(study.cells[0].options, data_dir=recorded, fold=1).write(folder / "fold1")
        training_list.find_data_again(studies)
        found = read_options(folder / "fold1")
        assert found and found.fold == 1
        assert found.data_dir == (str(manifests / "open.csv") if recorded.endswith("open.csv") else recorded)


def test_what_cannot_be_trained_is_refused_before_anything_is(
    manifests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EmozooError, match="--only resnet50 leaves no training: they are box/networks-open"):
        training_list.read_studies(STUDIES, tmp_path, only="resnet50")
    with pytest.raises(EmozooError, match="two studies are called box"):
        training_list.read_studies([STUDIES[0], tmp_path / "box.yaml"], tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmozooError, match="--data names the folder of the manifests"):
        training_list.read_studies(STUDIES, tmp_path)
    for words in (["--at-once", "0"], ["--until", "0"], ["--data", "nowhere"]):
        with pytest.raises(EmozooError, match=words[0]):
            trainings.main([str(tmp_path), str(STUDIES[0]), *words])
