"""Processes that train one run together: on one machine, on two that share no disk, and where one of them is killed."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.small import TIMEOUT, emozoo, one_error, read, train_words

STILL = ["shift=0", "noise=0", "time_mask=0", "freq_mask=0", "dropout=0", "batch_size=7"]  # random in each process
WORDS = [*(word for pair in STILL for word in ("--set", pair)), "--precision", "fp32", "--log", "none"]
EPOCHS = 4


def free_port() -> str:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return str(place.getsockname()[1])


def of_two(rank: int, port: str) -> dict[str, str]:
    """What a launcher tells the only process of its machine."""
    return {"RANK": str(rank), "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}


def started(command: list[str], **environment: str) -> subprocess.Popen[str]:
    whole = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen([sys.executable, "-m", *command], env=whole, stderr=subprocess.PIPE, text=True)


def launched(options: list[str], words: list[str], **environment: str) -> subprocess.Popen[str]:
    launch = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", *options, "--module", "emozoo"]
    return started([*launch, *words], **environment)


def machine(folder: Path, rank: int) -> tuple[list[str], dict[str, str]]:
    """The words of a machine, with a run's folder and a cache on its own disk."""
    words = [*train_words(folder / f"run{rank}", *WORDS, epochs=EPOCHS), "--resume"]
    return words, {"EMOZOO_CACHE": str(folder / f"cache{rank}")}


def history(folder: Path) -> list[dict[str, float]]:
    return read(folder / "metrics.json")["training"]["history"]


def assert_alike(one: Path, other: Path, digits: float) -> None:
    """The same losses and weights, up to the rounding of sums in another order."""
    for first, second in zip(history(one), history(other), strict=True):
        assert second["loss"] == pytest.approx(first["loss"], rel=digits)
        assert second["dev_loss"] == pytest.approx(first["dev_loss"], rel=10 * digits)
    weights = [load_file(folder / "model.safetensors") for folder in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, atol=2 * digits, rtol=100 * digits)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by two processes on one machine."""
    folder = tmp_path_factory.mktemp("runs") / "two"
    process = launched([], train_words(folder, *WORDS, epochs=EPOCHS))
    told = process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode == 0, told
    return folder


def test_two_processes_train_to_the_same_result_as_one(two: Path, tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "one", *WORDS, epochs=EPOCHS))
    assert read(two / "metrics.json")["training"]["processes"] == 2
    assert not [path for path in two.iterdir() if path.name.startswith(".")]  # the lock among them
    assert_alike(tmp_path / "one", two, 1e-4)


def test_two_machines_go_on_where_one_of_them_was_killed_and_end_as_one_machine_does(two: Path, tmp_path: Path) -> None:
    port = free_port()
    commands = [machine(tmp_path, rank) for rank in (0, 1)]
    main, other = (
        started(["emozoo", *words], **disk, **of_two(rank, port)) for rank, (words, disk) in enumerate(commands)
    )
    assert main.stderr is not None
    told = []
    for line in main.stderr:
        told.append(line)
        if line.startswith("epoch   2"):
            other.send_signal(signal.SIGKILL)
            break
    told += main.communicate(timeout=60)[1].splitlines()  # far less than it would wait for a machine that is silent
    other.communicate(timeout=60)
    assert main.returncode == 2, told
    assert told[-1].startswith("error: another process of this training has ended")
    assert "Traceback" not in "".join(told) and "--resume" in told[-1]
    assert (tmp_path / "run0" / "resume.safetensors").exists()

    port = free_port()
    where = ["--num_machines", "2", "--main_process_ip", "127.0.0.1", "--main_process_port", port]
    again = [
        launched([*where, "--machine_rank", str(rank)], words, **disk) for rank, (words, disk) in enumerate(commands)
    ]
    lines = [process.communicate(timeout=TIMEOUT)[1] for process in again]
    assert [process.returncode for process in again] == [0, 0], lines
    assert "going on after epoch" in lines[0]
    assert not (tmp_path / "run1").exists()  # only the main process writes
    assert read(tmp_path / "run0" / "metrics.json")["test"] == read(two / "metrics.json")["test"]
    assert (tmp_path / "run0" / "predictions.csv").read_text() == (two / "predictions.csv").read_text()
    assert_alike(two, tmp_path / "run0", 1e-6)


def test_machines_that_were_told_different_things_are_told_so(tmp_path: Path) -> None:
    port = free_port()
    words = [train_words(tmp_path / "run", *WORDS, "--seed", seed) for seed in ("1", "2")]
    with ThreadPoolExecutor(2) as threads:
        tries = [threads.submit(emozoo, *each, check=2, **of_two(rank, port)) for rank, each in enumerate(words)]
        assert all("were given different options" in one_error(each.result()) for each in tries)
    assert not (tmp_path / "run").exists()
