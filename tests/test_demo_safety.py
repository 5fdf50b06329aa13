"""What a stranger can send to the demo page, and what it must not get by that: real requests to a real server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import Server, needs_gradio, serving
from small import toy

pytestmark = needs_gradio
RUN = "/gradio_api/run/predict"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = ["demo", "--port", "0", "--max-size", "1", "--max-length", "60"]
    with serving(tmp_path_factory.mktemp("server"), "-m", "emozoo", *words) as served:
        yield served


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that was never given to the page, older than what the page leaves alone."""
    path = tmp_path / "secret.wav"
    path.write_bytes(secrets.token_bytes(100))
    return path


def file_data(path: Any, **more: Any) -> dict[str, Any]:
    return {"path": str(path), "orig_name": "x.wav", "meta": {"_type": "gradio.FileData"}} | more


def take(client: httpx.Client, data: Any, session: str, event: int = 0) -> httpx.Response:
    return client.post(RUN, json={"fn_index": event, "session_hash": session, "data": data})


def session() -> str:
    return secrets.token_hex(6)


def leave(client: httpx.Client, name: str) -> None:
    with client.stream("GET", f"/gradio_api/heartbeat/{name}") as beating:
        next(beating.iter_raw())


def upload(client: httpx.Client, content: bytes = b"", name: str = "a.wav") -> str:
    content = content or sorted(toy().rglob("sentences/**/*.wav"))[0].read_bytes() + secrets.token_bytes(2)
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    answer.raise_for_status()
    return answer.json()[0]


@pytest.mark.parametrize("event", [0, 1, 2])
@pytest.mark.parametrize("stream", [False, True])
def test_a_path_that_was_not_uploaded_is_refused_neither_read_nor_deleted(
    server: Server, client: httpx.Client, secret: Path, event: int, stream: bool
) -> None:
    name = session()
    assert take(client, [file_data(upload(client))], name, event).status_code == 200
    kept = secret.read_bytes()
    answer = take(client, [file_data(secret, is_stream=stream)], name, event)
    assert answer.is_error, answer.text
    assert not server.kept(kept)
    time.sleep(6)  # what is younger was left alone
    leave(client, name)
    time.sleep(3)
    assert secret.read_bytes() == kept and secret.stat().st_nlink == 1
