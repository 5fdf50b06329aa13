"""What a training tells the tools that people follow it with: TensorBoard, Trackio, Weights & Biases, MLflow.

All go through accelerate's trackers. One that fails is left out from then on: a training never depends on it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.lock import LOGS
from emozoo.errors import EmozooError
from emozoo.paths import write_text
from emozoo.text import printable, suggestion
from emozoo.training.progress import Progress

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker

TRACKERS = ("tensorboard", "trackio", "wandb", "mlflow")
"""Those that `--log` knows, each the name of its package."""
USUAL = ("tensorboard", "trackio")
"""Those that keep their logs on this machine, used where they are installed if nothing else is asked for."""
NOTHING = "none"
PROJECT = "emozoo"
PASSWORD = re.compile(r"//[^/@\s]*@")
"""In a URL."""
KEPT = "runs.json"
"""In the run's logs: by which name each tracker finds the run again."""


def chosen_trackers(asked: Sequence[str] | None) -> tuple[str, ...]:
    """The trackers to log to; None: those of `USUAL` that are installed. Raises EmozooError for one that is unknown, or not
    installed."""
    if asked is None:
        return tuple(name for name in USUAL if find_spec(name))
    names = tuple(dict.fromkeys(asked))
    if names == (NOTHING,):
        return ()
    for name in names:
        if name not in TRACKERS:
            known = (*TRACKERS, NOTHING)
            raise EmozooError(f"--log {printable(name)} is no tracker that emozoo knows; {suggestion(name, known)}")
    if missing := [name for name in names if not find_spec(name)]:
        raise EmozooError(f"--log {','.join(missing)} needs what is not installed: pip install {' '.join(missing)}")
    return names


@dataclass(frozen=True)
class LogTo:
    """Which trackers the runs of a command log to, and what belongs together there."""

    trackers: tuple[str, ...] = ()
    root: Path | None = None
    """The folder of the whole command, whose name is that of the group; None: the run's own."""

    def named(self, folder: Path) -> tuple[str, str | None]:
        """The name of the run in `folder`, as in `cnn-toy/seed0/fold1`, and its group."""
        if self.root is None or folder == self.root:
            return folder.name, None
        return folder.relative_to(self.root.parent).as_posix(), self.root.name


class RunLog:
    """One training as its trackers see it. Not one of its methods raises an error."""

    def __init__(self, to: LogTo, folder: Path, facts: Mapping[str, Any], progress: Progress) -> None:
        """`facts`: what the run is, such as its architecture and seed; nothing of this machine."""
        self._to = to
        self._folder = folder
        self._facts = facts
        self._progress = progress
        self._trackers: dict[str, GeneralTracker] = {}

    def start(self, epochs_done: int, recipe: Mapping[str, Any]) -> None:
        """Begins the logs of a run, or goes on with them after an epoch."""
        own, group = self._to.named(self._folder)
        facts = {name: _plain(value) for name, value in {"run": own, "group": group, **self._facts, **recipe}.items()}
        for name in self._to.trackers:
            with self._guarded(name):
                logging.getLogger(name).setLevel(logging.ERROR)
                tracker = self._new(name, epochs_done)
                tracker.start()
                self._keep(name, tracker)
                if not epochs_done:
                    tracker.store_init_configuration(facts)
                self._trackers[name] = tracker

    def numbers(self, numbers: Mapping[str, Any], epoch: int) -> None:
        """Logs those of `numbers` that are numbers, as they stood after an epoch."""
        known = {name: value for name, value in numbers.items() if isinstance(value, float)}
        self._each(lambda name, tracker: tracker.log(known, step=epoch))

    def pictures(self, paths: Sequence[Path], epoch: int) -> None:
        """Logs the PNG files that are there, each by its name."""
        found = [path for path in paths if path.is_file()]
        self._each(lambda name, tracker: [SHOWN[name](tracker, path, epoch) for path in found])

    def close(self) -> None:
        """Ends the logs; what was told so far is kept."""
        self._each(lambda name, tracker: _end_trackio() if name == "trackio" else tracker.finish())
        self._trackers = {}

    def _each(self, tell: Callable[[str, Any], object]) -> None:
        for name, tracker in list(self._trackers.items()):
            with self._guarded(name):
                tell(name, tracker)

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Leaves a tracker out that fails, and says so. What it prints goes to standard error."""
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:  # noqa: BLE001 - a tracker's server may fail in any way
            self._trackers.pop(name, None)
            words = " ".join(f"{type(error).__name__}: {error}".split())
            reason = printable(PASSWORD.sub("//", words))[:300]
            self._progress.message(f"{name} failed, and the training goes on without it: {reason}")

    def _new(self, name: str, epochs_done: int) -> GeneralTracker:
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        kind: Any = LOGGER_TYPE_TO_CLASS[name]
        own, group = self._to.named(self._folder)
        logs = self._folder / LOGS
        if name == "tensorboard":  # what a killed run told of an epoch that it has not kept is forgotten
            return kind(PROJECT, logs, purge_step=epochs_done + 1)
        logs.mkdir(parents=True, exist_ok=True)
        known = self._known().get(name)
        if name == "mlflow":
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # else a server that is down costs minutes
            return kind(PROJECT, run_id=known, run_name=own)
        if name == "wandb":
            # The names of this machine's folders, user and host stay here.
            settings = {"console": "off", "disable_git": True, "disable_code": True, "x_disable_meta": True}
            project = os.environ.get("WANDB_PROJECT", PROJECT)
            again = {"id": known or secrets.token_hex(8), "resume": "allow"}
            return kind(project, name=own, group=group, dir=str(logs), settings=settings, **again)
        unique = known or f"{own} {secrets.token_hex(3)}"  # Trackio knows runs by their names alone
        return kind(PROJECT, name=unique, group=group, resume="allow", embed=False)

    def _known(self) -> dict[str, str]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self._folder / LOGS / KEPT).read_text(encoding="utf-8"))
            return {key: value for key, value in found.items() if isinstance(value, str)}
        return {}

    def _keep(self, name: str, tracker: GeneralTracker) -> None:
        """Notes how a tracker finds the run again."""
        run = tracker.tracker
        found = {"wandb": lambda: run.id, "trackio": lambda: run.name, "mlflow": lambda: run.info.run_id}
        if name in found:
            known = {**self._known(), name: found[name]()}
            write_text(self._folder / LOGS / KEPT, json.dumps(known, indent=2) + "\n")


def _plain(value: Any) -> str | int | float | bool | None:
    """A value as every tracker takes it; of a path on this machine, the last part."""
    if isinstance(value, str) and os.path.isabs(value):
        return os.path.basename(value)
    return value if isinstance(value, str | int | float | bool) or value is None else json.dumps(value, default=str)


def _in_tensorboard(tracker: Any, path: Path, epoch: int) -> None:
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    tracker.log_images({path.stem: pixels[None]}, step=epoch, dataformats="NHWC")


def _in_trackio(tracker: Any, path: Path, epoch: int) -> None:
    import trackio

    tracker.log({path.stem: trackio.Image(path)}, step=epoch)


def _end_trackio() -> None:
    """Not the tracker's own `finish`, after which Trackio ends the run once more as Python ends, and prints so."""
    import trackio

    trackio.finish()


def _in_wandb(tracker: Any, path: Path, epoch: int) -> None:
    from PIL import Image

    with Image.open(path) as image:
        tracker.log_images({path.stem: [image]}, step=epoch)


SHOWN: dict[str, Callable[[Any, Path, int], None]] = {
    "tensorboard": _in_tensorboard,
    "trackio": _in_trackio,
    "wandb": _in_wandb,
    "mlflow": lambda tracker, path, epoch: tracker.log_artifact(str(path)),
}
