"""Trouble that is no mistake of the user's: plugins that fail, too little memory or room, no network, a reader that left."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support.distributions import distribution
from support.small import emozoo, one_error, read, toy, train_words

import emozoo as package
from emozoo import EmozooError
from emozoo.checkpoint.run import RunOptions
from emozoo.errors import lacks_memory, lacks_room
from emozoo.evaluation.evaluate import evaluate
from emozoo.training.train import train

FAILING = '''
    """Networks of which each does another thing wrong."""

    from dataclasses import dataclass

    import torch
    from torch import nn

    from emozoo.architecture import Architecture, Recipe

    @dataclass(frozen=True)
    class Config:
        wrong: str = ""

    class Network(nn.Module):
        def __init__(self, config, labels):
            super().__init__()
            self.wrong, self.steps, self.head = config.wrong, 0, nn.Linear(48_000, labels)
            if config.wrong == "frozen":
                self.requires_grad_(False)
            if config.wrong == "empty":
                self.head = nn.Identity()

        def forward(self, input_values):
            self.steps += self.training
            logits = self.head(input_values)
            if self.wrong == "tuple":
                return logits, None
            if self.wrong == "shape":
                return logits[:, :1]
            if self.wrong == "whole":
                return logits.argmax(1, keepdim=True).expand_as(logits)
            if self.wrong == "apart":
                return logits.detach()
            if self.wrong == "nan":
                return logits * float("nan")
            if self.wrong == "late" and self.steps > 7:  # of four batches an epoch
                return logits * float("nan")
            if self.wrong == "raises":
                raise KeyError("no such thing")
            if self.wrong == "memory":
                return logits + torch.empty(2**48)[: len(logits), None]
            return logits

    architecture = Architecture("failing", ("audio",), Config, Network, Recipe(batch_size=10, learning_rate=1e-4))
'''


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    distribution(tmp_path / "site", "failing-net", {"failing": "failing_net:architecture"}, FAILING)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def options(wrong: str, **more: Any) -> RunOptions:
    return RunOptions("failing", "toy", str(toy()), settings={"wrong": wrong, "epochs": "3"}, **more)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("tuple", r"failing \(failing-net 1.2\) is broken: forward returns a tuple"),
        ("shape", r"is broken: forward returns logits \[\d+, 1\] for \d+ clips and 4 labels"),
        ("whole", "is broken: forward returns logits of int64"),
        ("apart", "the logits depend on no trainable parameter"),
        ("frozen", "has nothing to learn: none of its parameters requires a gradient"),
        ("empty", "has nothing to learn"),
        ("nan", r"failing \(failing-net 1.2\) is broken: the loss of its first batch is nan"),
        ("raises", r"failed in training: KeyError: 'no such thing' \(failing_net.py, line \d+\)"),
        (
            "memory",
            "the memory is not enough to train this network here: --set accumulation=2 takes less memory for the same "
            "batches",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_is_named_at_its_first_batch(
    wrong: str, words: str, failing: Path, tmp_path: Path
) -> None:
    with pytest.raises(EmozooError, match=words) as raised:
        train(options(wrong), tmp_path / "run", device="cpu")
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_where_the_loss_becomes_no_number_the_best_so_far_is_kept(failing: Path, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="diverged in epoch 2.*epoch 1, the best so far, is kept.*learning_rate"):
        train(options("late"), tmp_path / "run", device="cpu")
    assert torch.isfinite(package.load(tmp_path / "run", "cpu").network.head.weight).all()  # type: ignore[union-attr, operator]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB, other allocations: 1.00 GB, max allowed: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)  # fmt: skip
def test_each_library_says_in_its_own_words_that_there_is_no_memory(error: Exception) -> None:
    assert lacks_memory(error) and not lacks_room(error)


def test_what_is_neither_is_neither() -> None:
    for error in (RuntimeError("shapes do not fit"), OSError(errno.EACCES, "Permission denied"), KeyError("x"), None):
        assert not lacks_memory(error) and not lacks_room(error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert lacks_room(OSError(number, os.strerror(number)))


def epoch_line(process: subprocess.Popen[str], epochs: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch") and int(line.split()[1].split("/")[0]) == epochs:
            return
    raise AssertionError("the training ended before")


def started(*words: Any, **more: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **more.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "emozoo", *map(str, words)], env=environment, **pipes, **more)


def test_a_disk_that_fills_up_costs_one_sentence_and_keeps_what_was_trained(tmp_path: Path) -> None:
    """What may be written is limited while the training runs: to the system that is the same as a full disk."""
    words = train_words(tmp_path / "run", epochs=200)
    process = started(*words)
    epoch_line(process, 2)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    _, told = process.communicate(timeout=120)
    last = told.strip().splitlines()[-1]
    assert process.returncode == 2 and "Traceback" not in told
    assert last.startswith("error: cannot write") and "no room left" in last and "--resume goes on" in last
    package.load(tmp_path / "run", "cpu")
    assert not [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    process = started(*words, "--resume")
    epoch_line(process, 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143


def test_a_disk_that_is_full_from_the_beginning_leaves_nothing(tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))

    toy()
    process = started(*train_words(tmp_path / "run", epochs=1), preexec_fn=full)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2 and "Traceback" not in told and "no room left" in told
    assert not (tmp_path / "run").exists()


def in_a_shell(command: str, *, check: tuple[int, ...]) -> str:
    emozoo = f"{sys.executable} -m emozoo"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.format(emozoo=emozoo)}"], capture_output=True, text=True, timeout=200
    )
    assert done.returncode in check, done
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    return done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("words", ["list", "list --json", "info cnn", "--help", "--version"])
def test_standard_output_that_is_full_is_told(words: str) -> None:
    told = in_a_shell(f"{{emozoo}} {words} > /dev/full", check=(2,))
    assert told.splitlines()[-1].startswith("error: ") and "no room left" in told
    in_a_shell(f"{{emozoo}} {words} > /dev/full 2> /dev/full", check=(2,))


@pytest.mark.parametrize("words", ["list | head -1", "list --json | true", "info cnn | head -1", "--help | true"])
def test_a_reader_that_leaves_is_no_error(words: str) -> None:
    assert in_a_shell(f"{{emozoo}} {words}", check=(0, 1, 141)) == ""


def test_answers_that_nobody_reads_or_that_find_no_room(tmp_path: Path) -> None:
    wav = next(toy().rglob("sentences/**/*.wav"))
    in_a_shell(f"{{emozoo}} predict --no-vad '{wav}' | true", check=(0, 1, 141))
    assert "no room left" in in_a_shell(f"{{emozoo}} predict --no-vad '{wav}' --csv > /dev/full", check=(2,))


def processes_of(session: int) -> list[int]:
    """Of a session, those that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are counted as Linux shows them")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_while_clips_are_decoded_ends_the_decoders_too(how: signal.Signals, tmp_path: Path) -> None:
    environment = {"EMOZOO_CACHE": str(tmp_path / "cache")}
    words = [word for word in train_words(tmp_path / "run") if word not in ("--data-dir", str(toy()))]
    process = started(*words, environment=environment, start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "decoding" in line:
            break
    process.send_signal(how)
    rest = process.stderr.read()
    assert process.wait(60) == 128 + how and "Traceback" not in rest and "stopped" in rest
    deadline = time.monotonic() + 30
    while processes_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(process.pid) == []
    assert not (tmp_path / "run").exists() and not list((tmp_path / "cache" / "clips").glob(".*"))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "through the proxy that HTTPS_PROXY names"),
        ({"https_proxy": "http://127.0.0.1:9", "NO_PROXY": "*"}, "there is no network"),
        ({"HTTPS_PROXY": "not a url"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://user:s3cret@127.0.0.1:port"}, "correct or unset HTTPS_PROXY"),
        ({"ALL_PROXY": "ftp://127.0.0.1:9"}, "correct or unset ALL_PROXY"),
        ({"ALL_PROXY": "http://[::1"}, "correct or unset ALL_PROXY"),
        ({"HTTPS_PROXY": ":::"}, "HTTPS_PROXY"),
        ({"ALL_PROXY": "socks5://127.0.0.1:9"}, "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "[bad"}, ""),
    ],
)
def test_no_network_by_any_proxy_is_one_sentence(variables: dict[str, str], words: str, tmp_path: Path) -> None:
    own = {"HF_HUB_OFFLINE": "", "HF_HOME": str(tmp_path), "HF_ENDPOINT": "https://hub.invalid"}
    line = one_error(emozoo("info", "hub:someone/some-model", **own, **variables, check=2))
    assert "hub:someone/some-model: " in line and words in line and "s3cret" not in line


def test_a_dataset_that_lacks_classes_of_the_model_is_measured_on_the_others(tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "run", epochs=1))
    tables = {}
    for name, words in (
        ("all", "happy sad angry neutral"),
        ("some", "happy sad"),
        ("one", "sad"),
        ("none", "surprised disgusted"),
    ):
        rows = ["file,label,speaker"]
        for path in sorted(toy().rglob("sentences/**/*.wav")):
            label = words.split()[len(rows) % len(words.split())]
            rows.append(f"{path},{label},{path.name[:6]}")
        tables[name] = tmp_path / f"{name}.csv"
        tables[name].write_text("\n".join(rows))
    measured = {
        name: evaluate(tmp_path / "run", dataset="manifest", data_dir=str(tables[name]), device="cpu")
        for name in ("all", "some", "one")
    }
    assert "no clip is" not in measured["all"].note
    some = measured["some"]
    assert "no clip is angry or neutral: UA and macro F1 are over the other 2 classes" in some.note
    assert some.metrics.labels == ("happy", "sad", "angry", "neutral") and some.metrics.recall[2:] == (None, None)
    happy, sad = some.metrics.recall[:2]
    assert happy is not None and sad is not None and some.metrics.ua == pytest.approx((happy + sad) / 2)
    assert measured["one"].metrics.ua == measured["one"].metrics.wa
    with pytest.raises(EmozooError, match="no clip of manifest is labelled happy"):
        evaluate(tmp_path / "run", dataset="manifest", data_dir=str(tables["none"]), device="cpu")
    shown = emozoo("evaluate", tmp_path / "run", "--dataset", "manifest", "--data-dir", tables["some"]).stdout
    assert "no clip is angry or neutral" in shown.replace("\n", " ")
    assert read(tmp_path / "run" / "run.json")["dataset"] == "toy"


def test_a_file_whose_name_begins_with_a_hyphen_is_named_as_it_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "-x.wav").write_bytes(b"")
    error = one_error(emozoo("predict", "-x.wav", check=2, cwd=tmp_path))
    assert error == "error: no such option: -x: the file of that name is ./-x.wav"
    assert "see emozoo predict --help" in one_error(emozoo("predict", "-y.wav", check=2, cwd=tmp_path))
