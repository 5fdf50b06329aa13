"""The HTTP service under load: throughput with many clients against one request at a time, and latency at half that load.

python benchmarks/serve.py [--clients 32] [--seconds 20] [--rounds 3] [--model speech] [--backend torch] [--vad]

A real server in a process of its own gets clips of 3 seconds from threads of this one, over loopback. Each round measures
one client that asks again as soon as it has its answer, then many of them, then requests that come at random moments, at
half the rate that the many reached. Such a request's latency counts from the moment at which it was due. The figures are
medians over the rounds.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import queue
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from common import heading, table

RATE = 16_000
CLIP_SECONDS = 3.0
BOUNDARY = "emozoo-benchmark"
CLIPS = 64
"""Different clips that are sent in turn."""


def voice(seed: int) -> np.ndarray:
    """int16 [48000] that sound like vowels in turn: harmonics through moving formants."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(CLIP_SECONDS * RATE)) / RATE
    pitch = rng.uniform(95, 210) * (1 + 0.12 * np.sin(np.pi * t) + 0.01 * np.sin(2 * np.pi * 5.3 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    knots = np.arange(0, CLIP_SECONDS + 0.15, 0.075)
    vowels = np.array([(700, 1200, 2600), (300, 2200, 3000), (450, 900, 2500), (350, 800, 2400), (550, 1800, 2500)])
    formants = [np.interp(t, knots, vowels[rng.integers(0, 5, len(knots)), number]) for number in range(3)]
    sound = np.zeros(len(t))
    for number in range(1, 36):
        for formant, level, width in zip(formants, (1, 0.6, 0.3), (70, 100, 140), strict=True):
            sound += level / (1 + ((number * pitch - formant) / width) ** 2) / number**0.5 * np.sin(number * phase)
    sound *= np.interp(t, knots, np.where(np.arange(len(knots)) % 2, 1, 0.15))
    return (10_000 * sound / np.abs(sound).max()).astype("<i2")


def body(seed: int) -> bytes:
    """A request's body: a form with one clip."""
    file = io.BytesIO()
    with wave.open(file, "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(RATE)
        clip.writeframes(voice(seed).tobytes())
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{seed}.wav"\r\n\r\n'
    return head.encode() + file.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Load:
    """Where requests go, and what they hold."""

    host: str
    port: int
    path: str
    bodies: Sequence[bytes]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=120)

    def ask(self, connection: http.client.HTTPConnection, number: int) -> None:
        """One request. Raises an error where it is not answered."""
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", self.path, self.bodies[number % len(self.bodies)], headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text

    def closed(self, clients: int, seconds: float) -> tuple[float, list[float]]:
        """Requests a second and latencies, of clients that ask again as soon as they have their answer."""
        latencies: list[float] = []
        numbers = itertools.count()
        begun = time.perf_counter()

        def client() -> None:
            connection = self.connect()
            while (asked := time.perf_counter()) < begun + seconds:
                self.ask(connection, next(numbers))
                latencies.append(time.perf_counter() - asked)
            connection.close()

        in_threads(clients, client)
        return len(latencies) / (time.perf_counter() - begun), latencies

    def open(self, clients: int, rate: float, seconds: float, seed: int) -> list[float]:
        """Latencies of requests that come at random moments, `rate` a second, whether or not others are answered."""
        rng, moment = random.Random(seed), 0.0
        due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        latencies: list[float] = []
        begun = time.perf_counter() + 0.1
        while (moment := moment + rng.expovariate(rate)) < seconds:
            due.put(begun + moment)
        for _ in range(clients):
            due.put(None)
        numbers = itertools.count()

        def client() -> None:
            connection = self.connect()
            while (at := due.get()) is not None:
                time.sleep(max(0.0, at - time.perf_counter()))
                self.ask(connection, next(numbers))
                latencies.append(time.perf_counter() - at)
            connection.close()

        in_threads(clients, client)
        return latencies


def in_threads(count: int, run: object) -> None:
    threads = [threading.Thread(target=run) for _ in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def p95(latencies: Sequence[float]) -> float:
    return statistics.quantiles(latencies, n=20)[-1]


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, int]]:
    """Host and port of a server that runs for the block."""
    command = [sys.executable, "-m", "emozoo", "serve", "--port", "0", "--json", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, "}\n")) + "}"
        place = urlsplit(json.loads(told)["address"])
        assert place.hostname and place.port
        yield place.hostname, place.port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@dataclass(frozen=True)
class Round:
    """What one round measured: requests a second, and 95th percentiles of latency in seconds."""

    lone_rate: float
    lone_p95: float
    full_rate: float
    full_p95: float
    half_p95: float


def measure(load: Load, clients: int, seconds: float, seed: int) -> Round:
    lone_rate, lone = load.closed(1, seconds)
    full_rate, full = load.closed(clients, seconds)
    half = load.open(clients, full_rate / 2, seconds, seed)
    return Round(lone_rate, p95(lone), full_rate, p95(full), p95(half))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="speech")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--vad", action="store_true", help="search for speech as well")
    asked = parser.parse_args()
    print(heading("The HTTP service"))
    bodies = [body(seed) for seed in range(CLIPS)]
    with serving("--model", asked.model, "--backend", asked.backend) as (host, port):
        load = Load(host, port, f"/v1/predict?vad={str(asked.vad).lower()}", bodies)
        load.closed(asked.clients, 3)  # warm
        rounds = [measure(load, asked.clients, asked.seconds, seed) for seed in range(asked.rounds)]

    def middle(name: str) -> float:
        return statistics.median(getattr(each, name) for each in rounds)

    rows = [
        ["one request at a time", f"{middle('lone_rate'):.1f}", f"{1000 * middle('lone_p95'):.0f}"],
        [f"{asked.clients} clients", f"{middle('full_rate'):.1f}", f"{1000 * middle('full_p95'):.0f}"],
        ["half that load", f"{middle('full_rate') / 2:.1f}", f"{1000 * middle('half_p95'):.0f}"],
    ]
    print(table(("load", "clips a second", "p95, ms"), rows))
    throughput = statistics.median(each.full_rate / each.lone_rate for each in rounds)
    latency = statistics.median(each.half_p95 / each.lone_p95 for each in rounds)
    print(f"{throughput:.2f} times the throughput; p95 at half load is {latency:.2f} times a lone request's.")


if __name__ == "__main__":
    main()
