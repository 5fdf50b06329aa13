"""Trains all runs of studies, several at a time: `python research/trainings.py FOLDER STUDY... [--at-once N] [--only NAME]
[--data FOLDER] [--until MINUTES] [--device NAME] [--table]`

STUDY is a file as of `emozoo train --config`, such as research/studies/left_out.yaml; its runs are in FOLDER/left_out. The
same command again trains only what is missing, and what was begun goes on after its last whole epoch. The processes share
the folds and random seeds of each training, and write into FOLDER/logs. Ctrl-C stops all of them. At the end there is a
table of all runs, also of those that are not finished; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from training_list import Study, find_data_again, read_studies
from training_table import FINISHED, rows_of, table

from emozoo.checkpoint.device import pick_device
from emozoo.errors import EmozooError
from emozoo.paths import cores

WORKER = Path(__file__).with_name("training_worker.py")
MOST_ON_A_GPU = 12
"""Small networks are limited by how fast a core launches them; more than so many do not train faster on one GPU."""
GIB_EACH = 6
"""GPU memory for a training of a small network, with its clips."""
GRACE = 30.0
"""Seconds that a process has to stop."""
RESTARTS = 2
"""How often a process that was killed is started again."""
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def fitting(device: torch.device, own_cores: int, gpu_bytes: int = 0) -> int:
    """How many trainings of small networks run at once: on a GPU by its memory, elsewhere one a core."""
    if device.type == "cuda":
        return max(1, min(MOST_ON_A_GPU, own_cores, gpu_bytes // 2**30 // GIB_EACH))
    return own_cores if device.type == "cpu" else 1


def at_once_on(name: str) -> int:
    device = pick_device(name)
    memory = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0
    return fitting(device, cores(), memory)


@dataclass
class Worker:
    """A process that trains, and its log. It is started again where it was killed."""

    number: int
    command: Sequence[str]
    threads: int
    log: Path
    restarts: int = RESTARTS
    process: subprocess.Popen[bytes] = field(init=False)
    began: int = 0
    """Where this command's part of the log begins."""

    def __post_init__(self) -> None:
        self.began = self.log.stat().st_size if self.log.exists() else 0
        self.start()

    def start(self) -> None:
        threads = str(self.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        with open(self.log, "ab") as log:
            # A group of its own: Ctrl-C reaches this process alone, which stops the others in order.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, process_group=0
            )

    def at_work(self) -> bool:
        """Whether it runs, perhaps again."""
        code = self.process.poll()
        if code is None:
            return True
        if code >= 0:
            return False
        self.end_group()
        print(f"process {self.number} was killed by signal {-code}", flush=True)
        if not self.restarts:
            return False
        self.restarts -= 1
        self.start()
        return True

    def end_group(self) -> None:
        """Kills what the process has started, such as decoders."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def problems(self) -> list[str]:
        """The lines of the log that say what failed."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.began)
            return [line.strip() for line in log if " failed: " in line or line.startswith(("error: ", "Traceback"))]


def work(workers: Sequence[Worker], over: Callable[[], bool]) -> None:
    """Waits until all processes end, or stops them where it is `over`."""
    try:
        while not over() and any([worker.at_work() for worker in workers]):
            time.sleep(0.1)
    finally:
        stop(workers)


def stop(workers: Sequence[Worker]) -> None:
    """Ends processes: each has `GRACE` to end by itself."""
    left = [worker for worker in workers if worker.process.poll() is None]
    for worker in left:
        worker.process.terminate()
    end = time.monotonic() + GRACE
    for worker in left:
        try:
            worker.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.end_group()
            worker.process.wait()


def catch_signals() -> list[int]:
    """Those that came, which end the work; one that is ignored, as under nohup, stays so."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, note)
    return came


def train(studies: Sequence[Study], options: argparse.Namespace, came: list[int]) -> list[str]:
    """Trains what is not finished. Returns what failed, in sentences."""
    rows = {row.run: row for row in rows_of(studies)}
    open_ = [study for study in studies if any(rows[study.called(cell)].state != FINISHED for cell in study.cells)]
    if not open_:
        return []
    count = options.at_once or at_once_on(open_[0].device)
    logs = options.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    paths = {path.stem: str(path) for path in options.study}
    words = [str(options.folder), options.only or "", options.device or "", *(paths[study.name] for study in open_)]
    command = [sys.executable, str(WORKER), *words]
    threads = max(1, cores() // count)
    print(f"{count} processes, {threads} threads each; their logs are in {logs}", flush=True)
    end = time.monotonic() + 60 * options.until if options.until else None

    def over() -> bool:
        return bool(came) or end is not None and time.monotonic() > end

    workers = [Worker(number, command, threads, logs / f"{number}.log") for number in range(1, count + 1)]
    work(workers, over)
    return list(dict.fromkeys(line for worker in workers for line in worker.problems()))


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trainings.py", description=(__doc__ or "").partition(":")[0] + ".")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of all runs")
    parser.add_argument("study", type=Path, nargs="+", metavar="STUDY", help="a file as of emozoo train --config")
    parser.add_argument(
        "--at-once",
        type=int,
        metavar="N",
        help=f"processes; by default one a core, or on a GPU one for each {GIB_EACH} GiB, at most {MOST_ON_A_GPU}",
    )
    parser.add_argument(
        "--only", metavar="NAME", help="only trainings whose STUDY/RUN has this part; * stands for anything"
    )
    parser.add_argument("--data", type=Path, default=Path(), metavar="FOLDER", help="the folder of the manifests")
    parser.add_argument(
        "--until", type=float, metavar="MINUTES", help="stop then; what was begun continues with the same command"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:1, in place of the studies' own")
    parser.add_argument("--table", action="store_true", help="train nothing: print the table of what there is")
    return parser.parse_intermixed_args(words)


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    if options.at_once is not None and options.at_once < 1 or options.until is not None and options.until <= 0:
        raise EmozooError("--at-once and --until must be more than 0")
    if not options.data.is_dir():
        raise EmozooError(f"--data {options.data} is no folder: name that of the manifests")
    options.folder = options.folder.resolve()
    options.study = [path.resolve() for path in options.study]
    os.chdir(options.data)  # studies name their manifests without a folder
    studies = read_studies(options.study, options.folder, options.only, options.device)
    find_data_again(studies)
    came = catch_signals()
    problems = [] if options.table else train(studies, options, came)
    rows = rows_of(studies)
    print(table(rows))
    for problem in problems:
        print(problem, file=sys.stderr)
    if came:
        return 128 + came[0]
    return 0 if all(row.state == FINISHED for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EmozooError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
