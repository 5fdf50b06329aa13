"""`emozoo predict --engine ray`: clips are answered by workers of Ray, as a pipeline of Ray Data."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from emozoo.bulk.questions import Question, Row, answers, table_of
from emozoo.bulk.remote import is_url
from emozoo.bulk.run import Engine
from emozoo.bulk.source import Source
from emozoo.errors import EmozooError, of_the_machine
from emozoo.integrations.ray_worker import Opening, use_own_cores
from emozoo.version import version

BLOCKS, LEAST, MOST = 2000, 16, 256
"""Blocks of clips that a run is made of, and how many clips each has at least and at most: few, so that little is lost with
a worker, and not so few that Ray has more to do than its workers."""
TRIES = 2
"""How often a block may end its worker before its clips are answered one by one, and then each of these."""
ASKED = pa.schema([("file", pa.string()), ("place", pa.binary()), ("row", pa.int64())])
ANSWERED = pa.schema([("answers", pa.large_binary()), ("reason", pa.string())])


class _Begun:
    """Counts, beside the workers, how often each thing was begun and not ended: so often it ended its worker."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def begin(self, what: str) -> int:
        """How often `what` ended its worker before."""
        self._counts[what] += 1
        return self._counts[what] - 1

    def end(self, what: str) -> None:
        del self._counts[what]


class _Worker:
    """Answers blocks of `Source`s. A block of answers is one cell, so that Ray does not split the rows of a clip. Why it
    cannot answer at all is another."""

    def __init__(self, opening: Opening, question: Question, release: str, begun: Any) -> None:
        use_own_cores()
        self._question = question
        self._begun = begun
        self._reason: str | None = None
        try:
            if release != version():
                raise EmozooError(
                    f"a machine of the cluster has emozoo {version()}, and this one {release}: install the same on all"
                )
            self._model = opening.open()
            self._schema = question.schema(self._model)
        except EmozooError as error:
            self._reason = str(error)

    def __call__(self, block: pa.Table) -> pa.Table:
        packed = None
        if self._reason is None:
            try:
                packed = _packed(table_of(self._answered(block), self._schema))
            except Exception as error:
                self._reason = str(error) if isinstance(error, EmozooError) else of_the_machine(error)
                if self._reason is None:
                    raise
        return pa.table({"answers": [packed], "reason": [self._reason]}, ANSWERED)

    def _answered(self, block: pa.Table) -> list[Row]:
        sources = [
            Source(row["file"], row["place"].decode("utf-8", "surrogatepass"), row["row"]) for row in block.to_pylist()
        ]
        return [row for each in self._rows(sources) for row in each]

    def _rows(self, sources: Sequence[Source]) -> Iterator[list[Row]]:
        """Those of each clip. In a block that ended its worker before, clips are answered one by one."""
        block = f"block of {sources[0].file}"
        if self._deaths(block) < TRIES:
            yield from answers(self._question, self._model, sources)
            self._begun.end.remote(block)
            return
        for source in sources:
            if self._deaths(source.file) < TRIES:
                yield from answers(self._question, self._model, [source])
            else:
                yield [
                    {"file": source.file, "error": f"{source.file} cannot be answered: each process that read it died"}
                ]
            self._begun.end.remote(source.file)

    def _deaths(self, of: str) -> int:
        """How many workers it ended. From now on, it is being answered."""
        import ray

        return int(ray.get(self._begun.begin.remote(of)))


def engine(opening: Opening, question: Question, address: str | None = None) -> Engine:
    """Answers clips by workers of Ray: on the cluster at `address` or RAY_ADDRESS, else on this machine.

    A worker has one GPU and its share of that machine's cores, where the cluster has some and the device is not the CPU,
    else one core. Where one is lost, its clips are answered again; a clip that ends its worker each time gets an `error`.
    Raises EmozooError where Ray is not installed or no cluster answers; the engine does where no worker can open the model.
    """
    with _joining():
        import ray

        if not ray.is_initialized():
            _check_listens(_place(address))

    def run(sources: Sequence[Source]) -> Iterator[pa.Table]:
        size = max(LEAST, min(MOST, len(sources) // BLOCKS))
        with _cluster(address) as ray:
            begun = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Begun).remote()
            yield from _answered(ray, sources, size, (opening, question, version(), begun), opening.device)

    return run


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected."""
    with _joining():
        import ray
        import ray.data

        ours = not ray.is_initialized()
        if ours:
            place = _place(address)
            with _as_it_was():
                dashboard = None if place else False
                ray.init(
                    place or "local", include_dashboard=dashboard, logging_level=logging.ERROR, log_to_driver=False
                )
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _place(address: str | None) -> str | None:
    return address or os.environ.get("RAY_ADDRESS")


@contextmanager
def _joining() -> Iterator[None]:
    """What keeps a process from a cluster becomes an EmozooError. Ray is quiet, and sends no statistics of its use."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else it writes between our lines
    try:
        yield
    except ImportError as error:
        raise EmozooError(f"--engine ray needs Ray ({error}): pip install 'emozoo[ray]'") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EmozooError(
            f"no cluster of Ray can be joined ({reason}): start one by ray start --head, or leave --address and "
            "RAY_ADDRESS out"
        ) from error


def _check_listens(address: str | None) -> None:
    """Ray itself waits for minutes where nothing listens. Raises OSError."""
    if found := re.fullmatch(r"(?:ray://)?\[?([\w.:-]+?)\]?:(\d+)/?", address or ""):
        socket.create_connection((found[1], int(found[2])), timeout=10).close()


@contextmanager
def _as_it_was() -> Iterator[None]:
    """When Ray starts, it takes the signals that end a process, and prints what nobody asked for: neither is kept."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
    with open(os.devnull, "w") as nowhere:
        sys.stderr.flush()
        errors = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(errors, 2)
            os.close(errors)
            for number, handler in before.items():
                signal.signal(number, handler)


def _answered(
    ray: Any, sources: Sequence[Source], size: int, given: tuple[Any, ...], device: str
) -> Iterator[pa.Table]:
    """The tables of answers of so many clips each, as they come."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    most, resources = _workers(ray, device)
    answered = ray.data.from_arrow(_blocks(sources, size)).map_batches(
        _Worker,
        fn_constructor_args=given,
        batch_format="pyarrow",
        batch_size=size,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
        **resources,
    )
    for batch in answered.iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in batch.to_pylist():
            if row["reason"] is not None:
                raise EmozooError(row["reason"])
            yield _unpacked(row["answers"])


def _workers(ray: Any, device: str) -> tuple[int, dict[str, float]]:
    """How many workers there are at most, and what each needs: a core; or a GPU, and cores that decode for it."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1] if device != "cpu" else []
    if not with_gpus:
        return max(1, int(sum(node.get("CPU", 0) for node in nodes))), {"num_cpus": 1}
    cores = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
    return int(sum(node["GPU"] for node in with_gpus)), {"num_cpus": max(1, cores), "num_gpus": 1}


def _blocks(sources: Sequence[Source], size: int) -> list[pa.Table]:
    each = [sources[begin : begin + size] for begin in range(0, len(sources), size)]
    return [
        pa.table(
            {
                "file": [source.file for source in some],
                "place": [everywhere(source.place) for source in some],
                "row": [source.row for source in some],
            },
            ASKED,
        )
        for some in each
    ]


def everywhere(place: str) -> bytes:
    """A place for processes with another current folder, with each byte of a name that is not UTF-8."""
    return (place if is_url(place) else os.path.abspath(os.path.expanduser(place))).encode("utf-8", "surrogatepass")


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _unpacked(packed: bytes) -> pa.Table:
    with pa.ipc.open_stream(packed) as reader:
        return reader.read_all()
