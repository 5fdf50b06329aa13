"""One of the processes that research/trainings.py starts: trains what no other is at, until nothing is left. It stops by
SIGTERM, and where the process that started it is gone, for its standard input ends then."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from training_list import read_studies

from emozoo.cli.training_progress import TrainingProgress
from emozoo.errors import EmozooError
from emozoo.training.study import train_study

stopped: list[int] = []
"""The signals that came, because a library that is interrupted may raise an error of its own."""


def _stop(number: int, frame: FrameType | None) -> None:
    stopped.append(number)
    signal.signal(number, signal.SIG_IGN)  # a second one would disturb the cleanup
    raise KeyboardInterrupt


def _stop_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(folder: str, only: str, device: str, *paths: str) -> None:
    studies = read_studies([Path(path) for path in paths], Path(folder), only or None, device or None)
    with TrainingProgress() as progress:
        for study in studies:
            train_study(
                study.cells, str(study.folder), device=study.device, progress=progress, stopped=lambda: bool(stopped)
            )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("emozoo").setLevel(logging.INFO)
    try:
        main(*sys.argv[1:])
    except (KeyboardInterrupt, Exception) as error:
        if stopped:
            print("stopped; the same command continues after the last complete epoch", file=sys.stderr)
            sys.exit(128 + stopped[0])
        if not isinstance(error, EmozooError):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
