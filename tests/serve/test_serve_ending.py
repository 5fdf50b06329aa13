"""How a service ends: what is in flight is finished, nothing is left behind, and a second signal ends it at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.service import Service, becomes, serving, write_voice

OPTIONS = {"vad": "false", "timeline": "true"}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes seconds to answer, at a small hop."""
    return write_voice(tmp_path_factory.mktemp("slow") / "slow.wav", 590, 8_000)


@contextmanager
def in_flight(service: Service, clip: Path, hop: float) -> Iterator[list[httpx.Response | httpx.HTTPError]]:
    """A request that is being answered; its answer, after the block."""
    found: list[httpx.Response | httpx.HTTPError] = []

    def ask() -> None:
        try:
            found.append(service.predict(clip, **OPTIONS, hop=hop))
        except httpx.HTTPError as error:
            found.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    with service.client() as client:
        assert becomes(lambda: service.count("emozoo_requests_in_flight", client) == 1 and len(service.lying()) == 1)
    yield found
    asking.join()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_what_is_in_flight_is_finished(
    models: Path, slow: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600", "--grace", "600"]
    with serving(tmp_path / "home", *words) as service:
        with in_flight(service, slow, 0.5) as found:
            ended, told = service.stop(number)
            assert ended == status and "after 1 requests" in told
        [answer] = found
        assert isinstance(answer, httpx.Response) and answer.status_code == 200, answer
        assert len(answer.json()["predictions"][0]["windows"]) > 1100
        assert not list(service.home.iterdir())


def test_a_second_signal_ends_it_at_once(models: Path, slow: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600", "--grace", "600"]
    with serving(tmp_path / "home", *words) as service:
        with in_flight(service, slow, 0.1) as found:
            service.process.send_signal(signal.SIGTERM)
            with service.client() as client:
                with pytest.raises(httpx.HTTPError):  # until it takes no more connections
                    while True:
                        assert client.get("/healthz", headers={"Connection": "close"}).status_code in (200, 503)
            assert service.process.poll() is None
            assert service.stop(signal.SIGTERM)[0] == 128 + signal.SIGTERM
        assert isinstance(found[0], httpx.HTTPError)
        assert not list(service.home.iterdir())


def test_what_takes_too_long_is_left(models: Path, slow: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600", "--grace", "0.5"]
    with serving(tmp_path / "home", *words) as service:
        with in_flight(service, slow, 0.1):
            status, told = service.stop()
        assert status == 0 and "1 requests and 0 streams in flight" in told
        assert not list(service.home.iterdir())


def test_a_client_that_leaves_frees_its_place(models: Path, slow: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600"]
    with serving(tmp_path / "home", *words) as service, service.client() as client:
        with pytest.raises(httpx.ReadTimeout), service.client() as leaving:
            files = [("files", ("slow.wav", slow.read_bytes()))]
            leaving.post("/v1/predict", files=files, params={**OPTIONS, "hop": 0.1}, timeout=1.5)
        assert becomes(lambda: service.count("emozoo_requests_in_flight", client) == 0 and not service.lying())


def test_what_a_killed_service_left_is_swept(models: Path, slow: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600"]
    with serving(tmp_path / "home", *words) as killed, in_flight(killed, slow, 0.1):
        killed.process.kill()
        killed.process.wait()
        assert killed.lying()
        with serving(tmp_path / "home", *words) as other:
            assert not other.lying()


@pytest.mark.skipif(os.name != "posix", reason="other systems have no modes")
def test_only_this_user_can_read_what_is_given(models: Path, slow: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "600"]
    with serving(tmp_path / "home", *words) as service, in_flight(service, slow, 0.1):
        [path] = service.lying()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o077 == 0 and "slow" not in path.name
        service.process.kill()


def test_a_slow_sender_does_not_keep_others_waiting(models: Path, clips: Path, tmp_path: Path) -> None:
    words = ["--model", str(models / "small"), "--timeout", "8"]
    with serving(tmp_path / "home", *words) as service, service.client() as client, service.client() as reader:

        def body() -> Iterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
            for _ in range(600):
                time.sleep(0.2)
                yield b"x"

        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        found: list[httpx.Response | httpx.HTTPError] = []

        def send() -> None:
            try:
                found.append(client.post("/v1/predict", content=body(), headers=kind))
            except httpx.HTTPError as error:
                found.append(error)

        slow = threading.Thread(target=send)
        slow.start()
        assert service.predict(clips / "voice0.wav", vad=False).status_code == 200
        assert becomes(lambda: service.count("emozoo_requests_in_flight", reader) == 0)
        slow.join(60)
        assert not slow.is_alive() and 'route="/v1/predict",status="408"' in reader.get("/metrics").text
        if isinstance(found[0], httpx.Response):  # a client that sends on may see the closed connection only
            assert found[0].status_code == 408 and "longer than 8 s" in found[0].json()["error"]
