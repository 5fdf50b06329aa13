"""A real `emozoo serve` in a process of its own. Not a test itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.make_media import write_sound
from support.places import ROOT

PATIENCE = 180
STATUSES = {400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 426, 500, 503, 504}
"""Those of refusals, which docs/serve.md lists."""
FINISH = json.dumps({"finish": True})
"""What a stream says after its last samples."""


def voice(seconds: float, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    """float32 [samples, 1] that sound like vowels in turn: harmonics through moving formants."""
    rng, t = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    pitch = rng.uniform(100, 200) * (1 + 0.12 * np.sin(np.pi * t) + 0.01 * np.sin(2 * np.pi * 5.3 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    knots = np.arange(0, seconds + 0.15, 0.075)
    vowels = np.array([(700, 1200, 2600), (300, 2200, 3000), (450, 900, 2500), (350, 800, 2400), (550, 1800, 2500)])
    formants = [np.interp(t, knots, vowels[rng.integers(0, 5, len(knots)), number]) for number in range(3)]
    sound = np.zeros(len(t))
    for number in range(1, 36):
        for formant, level, width in zip(formants, (1, 0.6, 0.3), (70, 100, 140), strict=True):
            sound += level / (1 + ((number * pitch - formant) / width) ** 2) / number**0.5 * np.sin(number * phase)
    sound *= np.interp(t, knots, np.where(np.arange(len(knots)) % 2, 1, 0.15))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)[:, None]


def write_voice(path: Path, seconds: float, rate: int = 16_000, seed: int = 0) -> Path:
    return write_sound(path, voice(seconds, rate, seed), rate)


class Service:
    """A service that runs: its process, what it said when it began, and where its temporary files lie."""

    def __init__(self, process: subprocess.Popen[str], started: dict[str, Any], home: Path) -> None:
        self.process, self.started, self.home = process, started, home
        self.address: str = started["address"].rstrip("/")

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=PATIENCE, trust_env=False, **more)

    def predict(self, *files: Path, **options: Any) -> httpx.Response:
        """One request of its own, with options in the query."""
        with self.client() as client:
            given = [("files", (file.name, file.read_bytes())) for file in files]
            return client.post("/v1/predict", files=given, params=options)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit status, and what was said on standard error."""
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, told

    def lying(self) -> list[Path]:
        """The files that it keeps."""
        return [path for path in self.home.rglob("*") if path.is_file() and path.name != "lock"]

    def count(self, name: str, client: httpx.Client) -> float:
        """A figure of /metrics, over all labels."""
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def becomes(state: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    patience = time.monotonic() + seconds
    while not state() and time.monotonic() < patience:
        time.sleep(0.05)
    return state()


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run in the background would hand on that it is ignored


@contextmanager
def serving(home: Path, *words: str, **environment: str) -> Iterator[Service]:
    """`emozoo serve WORDS`, whose temporary files lie in `home`."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "emozoo", "serve", "--port", "0", "--json", "--device", "cpu", *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_default_signals,
    )
    try:
        assert process.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate(timeout=60)
            told += line
        yield Service(process, json.loads(told), home)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def check(answer: Any, name: str) -> None:
    """Holds a document against its schema in docs/schema."""
    schema = json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.validate(answer, schema)


def sentence(answer: httpx.Response, status: int) -> str:
    """The error of a refusal: one sentence, as JSON."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found["schema"] == 1
    error = found["error"]
    assert error and "\n" not in error and "Traceback" not in error and "/emozoo" not in error, error
    return error


def opened(service: Service, query: str = "vad=false", **more: Any) -> ClientConnection:
    address = service.address.replace("http://", "ws://")
    return connect(f"{address}/v1/listen?{query}", proxy=None, open_timeout=60, close_timeout=60, max_size=None, **more)


def lines_of(socket: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """The lines until the end, and the code that the stream was closed with."""
    found: list[dict[str, Any]] = []
    try:
        while True:
            found.append(json.loads(socket.recv(timeout=120)))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None, "it was not closed with a code"
        for line in found:
            check(line, "serve-listen")
        return found, closed.rcvd.code
