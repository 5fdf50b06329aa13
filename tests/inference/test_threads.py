"""Several threads at once, which load, build, answer, and change what holds for the whole process: as one alone."""

import dataclasses
import logging
import os
import stat
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from support.models import LABELS, small_model
from support.plugins import offer
from torch import nn

import emozoo
from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.checkpoint.model import EmotionModel, Origin
from emozoo.paths import write_text
from emozoo.registry.loading import output_to_stderr
from emozoo.scaffold.write import write_plugin

NAMES = ("cnn", "cnn_rnn", "cnn_lstm")
PATIENCE = 60
"""Seconds after which a thread that waits for another fails the test."""


@dataclasses.dataclass(frozen=True)
class PauseConfig:
    size: int = 3


class Pause(nn.Module):
    """A network whose building can be stopped in the middle, and which needs values and random draws for it."""

    pause: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, config: PauseConfig, num_labels: int) -> None:
        super().__init__()
        self.first = nn.Linear(config.size, config.size)
        self.drawn = torch.rand(config.size) + torch.randn(config.size) + torch.rand_like(torch.zeros(config.size))
        type(self).pause()
        self.level = float(self.drawn.sum())  # there is none on the meta device
        self.last = nn.Linear(config.size, num_labels)
        nn.init.orthogonal_(self.last.weight)

    def forward(self, input_values: torch.Tensor, pixel_values: torch.Tensor | None = None) -> torch.Tensor:
        return self.last(self.first(input_values[:, :3]) + self.level)


@pytest.fixture
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of a third party's network, `Pause`."""
    architecture = Architecture(name="pause", modalities=("audio",), config=PauseConfig, build=Pause)
    offer(monkeypatch, architecture, "emozoo-pause", "1.0")
    EmotionModel(architecture, PauseConfig(), LABELS, Origin("emozoo-pause", "1.0")).save(tmp_path / "pause")
    return tmp_path / "pause"


def in_between(work: Callable[[], Any], meanwhile: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `work` in a thread, and `meanwhile` here each time that it builds a `Pause`."""
    reached, go_on = threading.Semaphore(0), threading.Semaphore(0)
    worker: list[int] = []

    def pause() -> None:
        if threading.get_ident() in worker:
            reached.release()
            assert go_on.acquire(timeout=PATIENCE)

    def run() -> Any:
        worker.append(threading.get_ident())
        return work()

    monkeypatch.setattr(Pause, "pause", staticmethod(pause))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run)
        while not done.done():
            if reached.acquire(timeout=0.01):
                meanwhile()
                go_on.release()
        return done.result()


def test_a_load_leaves_the_building_of_other_threads_alone(paused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[nn.Module] = []

    def meanwhile() -> None:  # far more tensors than the weights that are being loaded would allow
        torch.manual_seed(7)
        built.append(nn.Sequential(*(nn.Linear(3, 3) for _ in range(1000))))
        assert next(built[-1].parameters()).device.type == "cpu"

    loaded = in_between(lambda: emozoo.load(paused, "cpu"), meanwhile, monkeypatch)
    assert len(built) >= 2  # while shapes were looked at, and while the network itself was built
    torch.manual_seed(7)
    expected = nn.Sequential(*(nn.Linear(3, 3) for _ in range(1000)))
    for each in built:
        torch.testing.assert_close(each.state_dict(), expected.state_dict(), rtol=0, atol=0)
    sound = torch.randn(2, 48_000)
    monkeypatch.setattr(Pause, "pause", staticmethod(lambda: None))
    torch.testing.assert_close(loaded(sound), emozoo.load(paused, "cpu")(sound), rtol=0, atol=0)


def test_a_load_draws_nothing_that_a_seeded_training_would(paused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    expected = [torch.rand(3).tolist() for _ in range(4)]
    torch.manual_seed(5)
    found: list[list[float]] = [torch.rand(3).tolist()]
    in_between(lambda: emozoo.load(paused, "cpu"), lambda: found.append(torch.rand(3).tolist()), monkeypatch)
    while len(found) < 4:
        found.append(torch.rand(3).tolist())
    assert found == expected


def test_many_threads_load_build_and_answer_as_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, file in enumerate(files):
        soundfile.write(file, rng.normal(0, 0.1, 16_000 * (1 + 2 * number)).clip(-1, 1), 16_000)
    for name in NAMES:
        small_model(name).save(tmp_path / name)
    (tmp_path / "none").mkdir()

    def answers(name: str) -> list[dict[str, float] | None]:
        model = emozoo.load(tmp_path / name, "cpu")
        EmotionModel(model.architecture, model.config, LABELS)  # builds another beside it
        return [model.predict(file).probabilities for file in files]

    def refused(_: int) -> str:
        with pytest.raises(EmozooError) as caught:
            emozoo.load(tmp_path / "none", "cpu")
        return str(caught.value)

    alone = {name: answers(name) for name in NAMES}
    with ThreadPoolExecutor(8) as pool:
        wrong = [pool.submit(refused, number) for number in range(4)]
        found = [(name, pool.submit(answers, name)) for name in NAMES * 4]
        for name, future in found:
            for one, other in zip(alone[name], future.result(), strict=True):
                assert one is not None and other == pytest.approx(one, abs=1e-6), name
        assert len({each.result() for each in wrong}) == 1


def test_one_model_answers_many_threads_as_one(tmp_path: Path) -> None:
    model = small_model("cnn_rnn")
    rng = np.random.default_rng(1)
    windows = [(rng.normal(0, 0.1, 48_000).astype(np.float32), None) for _ in range(24)]
    alone = np.concatenate([model.probabilities([window]) for window in windows])
    with ThreadPoolExecutor(8) as pool:
        together = np.concatenate(list(pool.map(lambda window: model.probabilities([window]), windows)))
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def at_once(count: int, work: Callable[[int], Any]) -> None:
    """Runs `work(number)` in as many threads, which all begin before any ends."""
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait(PATIENCE)
        work(number)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(run, number) for number in range(count)]:
            done.result()


def test_what_changes_the_whole_process_is_put_back_when_the_last_thread_leaves(capfd: pytest.CaptureFixture) -> None:
    """Threads that enter one after the other and leave in the same order: each would put back what the one before set."""
    from huggingface_hub.utils import are_progress_bars_disabled
    from huggingface_hub.utils import logging as remarks

    from emozoo.checkpoint.export_graph import quiet
    from emozoo.hub.errors import explained

    def state() -> tuple[Any, ...]:
        bars = are_progress_bars_disabled()
        return sys.stdout, logging.root.manager.disable, list(warnings.filters), remarks.get_verbosity(), bars

    makers: list[Callable[[], Any]] = [
        lambda: output_to_stderr,
        lambda: quiet,
        lambda: explained("the Hub"),
    ]
    for make in makers:
        before, entered, left = state(), [threading.Event() for _ in range(3)], [threading.Event() for _ in range(3)]

        def work(number: int, make: Any = make, entered: Any = entered, left: Any = left) -> None:
            assert number == 0 or entered[number - 1].wait(PATIENCE)
            with make():
                entered[number].set()
                assert entered[-1].wait(PATIENCE)
                assert number == 0 or left[number - 1].wait(PATIENCE)
            left[number].set()

        at_once(3, work)
        assert state() == before
    os.write(1, b"to standard output\n")
    assert capfd.readouterr().out == "to standard output\n"


def test_files_are_as_readable_as_the_user_wants_also_those_of_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may be read is a setting of the process: were it changed for a moment, others' files would have it."""
    real, mask = os.umask, os.umask(0o027)

    def changed(to: int) -> int:
        before = real(to)
        (tmp_path / f"of another thread {to}").touch()
        return before

    monkeypatch.setattr(os, "umask", changed)
    try:
        write_text(tmp_path / "text", "text")
        write_plugin("architecture", "mine", tmp_path / "mine")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes == {"text": 0o640, "mine": 0o750}
    finally:
        real(mask)
