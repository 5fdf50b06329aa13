"""What a service does not answer gets a status and one sentence, and nothing of the server is in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.service import Service, becomes, sentence, serving, write_voice
from support.small import emozoo, one_error

TOKEN = "0123456789abcdef-0123456789abcdef"


def form(name: str = "files", content: bytes = b"x") -> list[tuple[str, tuple[str, bytes]]]:
    return [(name, ("a.wav", content))]


def test_a_body_that_is_no_form_is_refused(client: httpx.Client) -> None:
    assert "multipart/form-data" in sentence(client.post("/v1/predict", json={"url": "http://127.0.0.1/"}), 415)
    assert "multipart/form-data" in sentence(client.post("/v1/predict"), 415)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (b"", b"no form", b"--b\r\n\r\n\r\n--b--", b"--b\r\nContent-Disposition: x\r\n\r\n--b--\r\n"):
        sentence(client.post("/v1/predict", content=body, headers=kind), 400)
    sentence(client.post("/v1/predict", content=b"x", headers={"Content-Type": "multipart/form-data"}), 400)


def test_a_form_without_files_is_refused(client: httpx.Client) -> None:
    assert "field files" in sentence(client.post("/v1/predict", files=form("file")), 400)
    assert "field files" in sentence(client.post("/v1/predict", files={"files": (None, "/etc/passwd")}), 400)


def test_what_is_too_large_too_long_or_too_many_is_refused(
    service: Service, client: httpx.Client, tmp_path: Path
) -> None:
    assert "2 MB" in sentence(client.post("/v1/predict", files=form(content=bytes(3 * 2**20))), 413)
    assert "4 files" in sentence(client.post("/v1/predict", files=form() * 5), 413)
    options = {f"x{number}": "1" for number in range(40)}
    assert "options" in sentence(client.post("/v1/predict", files=form(), data=options), 413)
    long = write_voice(tmp_path / "long.wav", 31, 8_000)
    assert "31 s" in sentence(service.predict(long), 413)
    assert not service.lying()


def test_a_body_of_unknown_size_is_refused_once_it_is_too_large(client: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
        for _ in range(64):
            yield bytes(2**16)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert "2 MB" in sentence(client.post("/v1/predict", content=body(), headers=kind), 413)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("timeline=maybe", "timeline is true or false, not 'maybe'"),
        ("hop=fast", "hop is a number"),
        ("hop=nan", "hop is a number"),
        ("hop=-1", "hop"),
        ("min_confidence=2", "between 0 and 1"),
        ("coverage=1", "coverage"),
        ("coverage=0.9", "not calibrated"),
        ("timelien=true", "did you mean timeline?"),
        ("hop=1&hop=2", "hop is given twice"),
        ("vad=", "vad is true or false"),
    ],
)
def test_an_option_that_cannot_be_is_refused(client: httpx.Client, clips: Path, query: str, says: str) -> None:
    content = (clips / "voice0.wav").read_bytes()
    assert says in sentence(client.post(f"/v1/predict?{query}", files=form(content=content)), 422)


def test_an_unknown_model_route_and_method_are_refused(client: httpx.Client) -> None:
    assert "did you mean small?" in sentence(client.post("/v1/predict?model=smal", files=form()), 404)
    assert "/docs" in sentence(client.get("/v2/predict"), 404)
    sentence(client.get("/v1/models/"), 404)
    answer = client.get("/v1/predict")
    sentence(answer, 405)
    assert answer.headers["allow"] == "POST"
    answer = client.get("/v1/listen")
    assert "WebSocket" in sentence(answer, 426) and answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/metrics", "/docs"])
def test_a_request_under_another_name_or_from_another_site_is_refused(client: httpx.Client, path: str) -> None:
    assert "--allow-host" in sentence(client.get(path, headers={"Host": "rebound.example.com"}), 421)
    assert client.get(path, headers={"Host": "voice.example.org"}).status_code == 200
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert "another site" in sentence(client.get(path, headers=headers), 403)
    assert client.get(path, headers={"Origin": str(client.base_url).rstrip("/")}).status_code == 200


# --- Token


@pytest.fixture(scope="module")
def guarded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place = tmp_path_factory.mktemp("guarded")
    (place / "token").write_text(f"{TOKEN}\n")
    (place / "token").chmod(0o600)
    words = ["--model", str(models / "small"), "--token-file", str(place / "token")]
    with serving(place / "home", *words, "--max-requests", "1", "--timeout", "2.5") as served:
        yield served


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
def test_without_the_token_nothing_is_answered(guarded: Service, header: str | None) -> None:
    with guarded.client(headers={"Authorization": header} if header else {}) as client:
        for method, path in (
            ("POST", "/v1/predict"),
            ("POST", "/v1/embed"),
            ("GET", "/v1/models"),
            ("GET", "/metrics"),
        ):
            answer = client.request(method, path)
            assert "token" in sentence(answer, 401) and TOKEN not in answer.text
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/healthz").status_code == 200
        assert client.get("/openapi.json").json()["components"]["securitySchemes"]


def test_with_the_token_it_answers_and_the_token_shows_nowhere(guarded: Service, clips: Path) -> None:
    with guarded.client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answer = client.post("/v1/predict?vad=false", files=form(content=(clips / "voice0.wav").read_bytes()))
        assert answer.status_code == 200
        pages = [client.get(path).text for path in ("/v1/models", "/metrics", "/openapi.json", "/docs")]
    assert not [page for page in (*pages, answer.text) if TOKEN in page]
    assert TOKEN not in Path(f"/proc/{guarded.process.pid}/cmdline").read_text()


def test_a_service_does_not_start_with_an_empty_token_or_a_taken_port(models: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    words = ["serve", "--model", str(models / "small"), "--port"]
    assert "is empty" in one_error(emozoo(*words, "0", "--token-file", str(tmp_path / "token"), check=2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in one_error(emozoo(*words, str(taken.getsockname()[1]), check=2))
    twice = [*words, "0", "--model", str(models / "small")]
    assert "two models are called 'small'" in one_error(emozoo(*twice, check=2))


# --- Load


def test_one_too_many_is_refused_and_one_that_takes_too_long_ends(guarded: Service, tmp_path: Path) -> None:
    long = write_voice(tmp_path / "long.wav", 500, 8_000)
    with guarded.client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        found: list[httpx.Response] = []

        def ask() -> None:
            files = form(content=long.read_bytes())
            found.append(client.post("/v1/predict?vad=false&timeline=true&hop=0.1", files=files))

        asking = threading.Thread(target=ask)
        asking.start()
        assert becomes(lambda: guarded.count("emozoo_requests_in_flight", client) == 1)
        refused = client.post("/v1/predict", files=form())
        assert "1 requests at a time" in sentence(refused, 503) and int(refused.headers["retry-after"]) >= 1
        asking.join()
        assert "2.5 s" in sentence(found[0], 504)
        assert becomes(lambda: guarded.count("emozoo_requests_in_flight", client) == 0)
    assert becomes(lambda: not guarded.lying())
