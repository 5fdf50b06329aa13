"""What a stranger can send to the demo page, and what it must not get by that: real requests to a real server."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.browser import Server, needs_gradio, serving
from support.places import SHARED_DATA
from support.small import toy

pytestmark = needs_gradio
HOSTILE = SHARED_DATA.parent / "cases" / "hostile"
RUN, JOIN, FILE = "/gradio_api/run/predict", "/gradio_api/queue/join", "/gradio_api/file="
SETTINGS = "megabytes=1, seconds=60, waiting=2, uploads=3, stored=12, idle=4"
NAME = "demo.example.org"


def words(settings: str = SETTINGS, more: str = f"allow_hosts=['{NAME}', 'localhost:9000']") -> list[str]:
    return [
        "-c",
        "from emozoo.demo.server import serve; from emozoo.demo.answer import Limits; "
        f"serve(port=0, limits=Limits({settings}), {more})",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), *words()) as served:
        yield served


@contextmanager
def visiting(server: Server) -> Iterator[httpx.Client]:
    """A browser of its own, which has seen the page."""
    with httpx.Client(base_url=server.address, timeout=60, trust_env=False) as client:
        assert client.get("/").status_code == 200
        yield client


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that was never given to the page."""
    path = tmp_path / "secret.wav"
    path.write_bytes(secrets.token_bytes(100))
    return path


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """An address, and what was asked for there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    site = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}/inside.wav", asked
    site.shutdown()


def session() -> str:
    return secrets.token_hex(6)


def given(path: Any, **more: Any) -> dict[str, Any]:
    return {"path": str(path), "orig_name": "x.wav", "meta": {"_type": "gradio.FileData"}} | more


def tell(client: httpx.Client, name: str, event: int, data: list[Any], to: str = RUN, **more: Any) -> httpx.Response:
    return client.post(to, json={"fn_index": event, "session_hash": name, "data": data} | more)


def voice() -> bytes:
    """A clip that nobody else gives."""
    return sorted(toy().rglob("sentences/**/*.wav"))[0].read_bytes() + secrets.token_bytes(8)


def upload(client: httpx.Client, content: bytes, name: str = "a.wav") -> str:
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200, answer.text
    [path] = answer.json()
    return path


def leave(client: httpx.Client, name: str) -> None:
    with client.stream("GET", f"/gradio_api/heartbeat/{name}") as beating:
        next(beating.iter_raw())


def becomes(state: Callable[[], bool], seconds: float = 60) -> bool:
    patience = time.monotonic() + seconds
    while not state() and time.monotonic() < patience:
        time.sleep(0.2)
    return state()


def lying(server: Server) -> set[Path]:
    """The server's files and folders, but for the one of all uploads."""
    return {
        Path(folder, name)
        for folder, folders, files in os.walk(server.home)
        for name in (*folders, *files)
        if name != "uploads"
    }


def event(client: httpx.Client, name: str) -> int:
    """The number of what happens on the page."""
    return next(each["id"] for each in client.get("/config").json()["dependencies"] if each["api_name"] == name)


# --- Files of the machine


@pytest.mark.parametrize("number", [0, 1, 2, 3])
@pytest.mark.parametrize("to", [RUN, JOIN])
def test_a_path_that_was_not_uploaded_is_neither_read_nor_deleted(
    server: Server, client: httpx.Client, secret: Path, number: int, to: str
) -> None:
    kept, name = secret.read_bytes(), session()
    for more in ({}, {"is_stream": True}, {"url": f"{server.address}gradio_api/file={secret}"}, {"meta": None}):
        answer = tell(client, name, number, [given(secret, **more)], to)
        assert answer.status_code == 403 and "was not given to this page" in answer.json()["error"]
    assert not server.kept(kept)
    leave(client, name)
    assert secret.read_bytes() == kept and secret.stat().st_nlink == 1


def test_whatever_names_a_file_is_refused_unless_it_is_the_upload_itself(
    server: Server, client: httpx.Client, secret: Path, canary: tuple[str, list[str]]
) -> None:
    address, asked = canary
    path, name = upload(client, voice()), session()
    before = lying(server)
    example = next(server.home.rglob("low-voice.mp3"))
    link = server.home / "link.wav"
    link.symlink_to(secret)
    for bad in [
        "/proc/self/environ",
        "/etc/passwd",
        "pyproject.toml",
        "./.gitignore",
        address,
        f"file://{secret}",
        link,
        example,
        Path(path).parent,
        f"{Path(path).parent}/../../../lock",
        f"{path}/../a.wav",
        path.replace("uploads", "./uploads"),
        f"{path}\0",
        "",
    ]:
        assert tell(client, name, 0, [given(bad)]).status_code == 403, bad
    for nested in ([given(path)], {"value": given(path)}, [[given(secret)]], path, 7, {"path": [path]}, {}):
        assert tell(client, name, 0, [nested]).status_code == 403, nested
    assert tell(client, name, 0, [given(path), given(path)]).status_code == 400
    link.unlink()
    assert lying(server) <= before
    assert tell(client, name, 0, [given(path, url=address)]).status_code == 200
    assert not asked
    assert tell(client, name, 0, [given(path)]).status_code == 403  # it is given once


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/file=/etc/passwd", "/gradio_api/file=//etc/passwd", "/gradio_api/file=../../../../etc/passwd"),
        *("/gradio_api/file=/proc/self/environ", "/gradio_api/file=pyproject.toml", "/gradio_api/file=.gitignore"),
        *("/gradio_api/file=CANARY", "/gradio_api/file/etc/passwd", "/gradio_api/proxy=CANARY", "/file=/etc/passwd"),
        *("/gradio_api/file=LOCK", "/gradio_api/file=UPLOAD/", "/gradio_api/file=UPLOAD%2f..%2fa.wav"),
        *("/gradio_api/file=FOLDER", "/gradio_api//file=UPLOAD", "//gradio_api/file=/etc/passwd"),
        *("/assets/../../../../../../../../../etc/passwd", "/assets/%2e%2e%2f%2e%2e%2fpackage.json"),
        *("/static/%2e%2e/%2e%2e/%2e%2e/__init__.py", "/svelte/svelte.js", "/custom_component/x/client/y/z"),
        *("/gradio_api/stream/a/b/1/playlist.m3u8", "/gradio_api/stream/a/b/1/playlist-file", "/monitoring"),
        *("/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/deep_link", "/gradio_api/runs", "/docs"),
        *("/gradio_api/token", "/gradio_api/user", "/gradio_api/dev/reload", "/gradio_api/vibe-code", "/logout"),
        *("/gradio_api/queue/status", "/gradio_api/call/take/x", "/gradio_api/mcp/sse", "/pwa_icon/512"),
    ],
)
def test_nothing_is_served_that_is_not_the_page_or_a_clip(
    server: Server, client: httpx.Client, canary: tuple[str, list[str]], path: str
) -> None:
    address, asked = canary
    clip = upload(client, voice()) if "UPLOAD" in path else ""
    lock = str(next(server.home.rglob("lock")))
    for word, meant in {"UPLOAD": clip, "LOCK": lock, "CANARY": address, "FOLDER": str(Path(lock).parent)}.items():
        path = path.replace(word, meant)
    with socket.create_connection(httpx.URL(server.address).netloc.decode().split(":")) as line:  # unchanged on the way
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: {httpx.URL(server.address).netloc.decode()}\r\n\r\n".encode())
        status = int(line.makefile("rb").readline().split()[1])
    assert status in (403, 404) and not asked


@pytest.mark.parametrize(
    "path",
    [
        *("component_server", "stream/x", "stream/x/close", "process_recording", "cancel", "reset", "call/take"),
        *("call/v2/take", "run/take", "api/predict", "vibe-edit", "run-history/connect", "upload/", "queue/join/"),
    ],
)
def test_what_gradio_offers_and_the_page_does_not_use_is_closed(client: httpx.Client, secret: Path, path: str) -> None:
    name = session()
    body = {"fn_index": 0, "session_hash": name, "event_id": "x", "data": [given(secret)]}
    body |= {"component_id": 6, "fn_name": "ls"}
    assert client.post(f"/gradio_api/{path}", json=body).status_code == 404
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, f"/gradio_api/{path}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"7", b'"x"', b"[" * 60_000, b'{"fn_index": 0, "data": []}'),
        *(
            b'{"fn_index": %b, "data": [], "session_hash": "x"}' % word
            for word in (b"-1", b"999", b"true", b"null", b"[]")
        ),
        *(b'{"fn_index": 0, "data": %b, "session_hash": "x"}' % word for word in (b"null", b"{}", b'"x"', b"[1,2]")),
        *(
            b'{"fn_index": 0, "data": [], "session_hash": %b}' % word
            for word in (b"null", b'""', b'"a/b"', b"7", b"{}")
        ),
    ],
)
def test_what_the_page_does_not_understand_costs_a_sentence(client: httpx.Client, body: bytes) -> None:
    for to in (RUN, JOIN):
        answer = client.post(to, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]) == (400, "This page does not understand that")


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="needs the hostile cases, which are not part of the project")
def test_the_requests_of_an_attack_get_a_refusal(server: Server, secret: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    script = [sys.executable, HOSTILE / "demo_read_delete.py", server.address.rstrip("/"), secret, kept]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert f"READ {secret} 403" in done.stdout, done
    assert f"DELETED {kept} False" in done.stdout and kept.read_text() == "kept"


def test_an_answer_cannot_be_had_past_the_queue(client: httpx.Client) -> None:
    name = session()
    assert tell(client, name, 0, [given(upload(client, voice()))]).status_code == 200
    assert tell(client, name, event(client, "respond"), []).status_code == 404
    assert tell(client, name, event(client, "respond"), [], JOIN).status_code == 200


# --- Other visitors


def test_a_visitor_can_do_nothing_with_the_clips_of_another(server: Server, client: httpx.Client) -> None:
    content, name = voice(), session()
    first, second = upload(client, content), upload(client, content)
    assert first != second and tell(client, name, 0, [given(first)]).status_code == 200
    past, respond = event(client, "tell_past"), event(client, "respond")
    with visiting(server) as other, httpx.Client(base_url=server.address, trust_env=False) as nobody:
        for stranger in (other, nobody):
            assert tell(stranger, name, 0, [given(second)]).status_code == 403
            assert [stranger.get(FILE + path).status_code for path in (first, second)] == [403, 403]
            assert "None yet" in tell(stranger, name, past, []).json()["data"][0]
            assert tell(stranger, name, respond, [], JOIN).status_code == 200
            leave(stranger, name)
    assert "None yet" not in tell(client, name, past, []).json()["data"][0]
    for path in (first, second):
        assert client.get(FILE + path).content == content
    assert tell(client, name, respond, [], JOIN).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": name}) as stream:
        assert any("emz-emotion" in line for line in stream.iter_lines())  # nobody has taken the answer
    assert client.get(FILE + first, headers={"range": "bytes=0-3"}).content == b"RIFF"
    leave(client, name)
    assert becomes(lambda: not Path(first).exists()) and Path(second).exists()


def test_the_cookie_is_for_the_page_alone(server: Server) -> None:
    cookie = httpx.get(server.address, trust_env=False).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Partitioned" not in cookie
    there = {"x-forwarded-proto": "https"}  # where the Hub shows it in a frame
    cookie = httpx.get(server.address, headers=there, trust_env=False).headers["set-cookie"]
    assert "Secure; SameSite=None; Partitioned" in cookie


# --- Other sites


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *[("127.0.0.1:PORT", 200), ("localhost:PORT", 200), ("LOCALHOST:PORT", 200), ("[::1]:PORT", 200)],
        *[(NAME, 200), (f"{NAME}:8443", 200), ("localhost:9000", 200), ("", 421), ("localhost", 421)],
        *[
            ("evil.example:PORT", 421),
            ("evil.example", 421),
            ("127.0.0.1.evil.example:PORT", 421),
            ("localhost:1", 421),
        ],
        *[(f"x.{NAME}", 421), (f"{NAME}.", 421), ("127.0.0.1:PORT@evil.example", 421), ("localhost:PORT/x", 421)],
        *[("192.0.2.1:PORT", 421), ("2130706433:PORT", 421), ("localhost:PORT,evil.example", 421)],
    ],
)
def test_a_name_that_is_not_the_pages_is_refused(server: Server, host: str, status: int) -> None:
    url = httpx.URL(server.address)
    headers = {"host": host.replace("PORT", str(url.port))}
    for path in ("/", "/config", "/gradio_api/startup-events"):
        answer = httpx.get(url.join(path), headers=headers, trust_env=False)
        assert answer.status_code == status, (headers, path)
    assert status == 200 or "--allow-host" in answer.text
    answer = httpx.post(url.join("/gradio_api/upload"), files={"files": b"x"}, headers=headers, trust_env=False)
    assert answer.status_code == status


def test_two_names_are_refused_and_a_foreign_one_is_not_believed(server: Server) -> None:
    here = httpx.URL(server.address).netloc.decode()
    with socket.create_connection(here.split(":")) as line:
        line.sendall(f"GET / HTTP/1.0\r\nHost: {here}\r\nHost: evil.example\r\n\r\n".encode())
        assert line.makefile("rb").readline().split()[1] in (b"421", b"400")
    config = httpx.get(f"{server.address}config", headers={"x-forwarded-host": "evil.example"}, trust_env=False)
    assert config.status_code == 200 and "evil.example" not in config.text
    config = httpx.get(f"{server.address}config", headers={"x-forwarded-host": NAME}, trust_env=False)
    assert config.json()["root"] == f"http://{NAME}"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        *[({"origin": "http://127.0.0.1:PORT"}, True), ({"origin": f"https://{NAME}"}, True), ({}, True)],
        *[({"origin": f"https://{NAME}", "host": NAME}, True), ({"origin": "http://evil.example"}, False)],
        *[({"origin": "null"}, False), ({"origin": ""}, False), ({"origin": "http://127.0.0.1:1"}, False)],
        *[({"origin": "https://huggingface.co"}, False), ({"origin": "http://127.0.0.1:PORT.evil.example"}, False)],
        *[
            ({"origin": "file://"}, False),
            ({"sec-fetch-site": "cross-site"}, False),
            ({"sec-fetch-site": "none"}, True),
        ],
        *[({"sec-fetch-site": "same-site"}, False), ({"sec-fetch-site": "same-origin"}, True)],
    ],
)
def test_another_sites_page_can_send_nothing(server: Server, headers: dict[str, str], allowed: bool) -> None:
    url, content = httpx.URL(server.address), voice()
    headers = {name: value.replace("PORT", str(url.port)) for name, value in headers.items()}
    answer = httpx.post(url.join("/gradio_api/upload"), files={"files": content}, headers=headers, trust_env=False)
    assert answer.status_code == (200 if allowed else 403)
    assert bool(server.kept(content)) is allowed
    body = {
        "fn_index": event(httpx.Client(base_url=url, trust_env=False), "tell_past"),
        "data": [],
        "session_hash": "x",
    }
    for to in (RUN, JOIN):
        sent = httpx.post(url.join(to), json=body, headers=headers, trust_env=False)
        assert sent.status_code == (200 if allowed else 403)
    with httpx.stream("GET", url.join("/gradio_api/heartbeat/x"), headers=headers, trust_env=False) as beating:
        assert beating.status_code == (200 if allowed else 403)


def test_a_websocket_is_refused(server: Server) -> None:
    here = httpx.URL(server.address).netloc.decode()
    for path in ("/", "/gradio_api/queue/join"):
        with socket.create_connection(here.split(":")) as line:
            line.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {here}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            assert line.makefile("rb").readline().split()[1] != b"101"


# --- Too much


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 2**16):
        yield bytes(2**16)


@pytest.mark.parametrize("path", [RUN, JOIN, "/gradio_api/upload", "/", "/gradio_api/cancel", "/none"])
def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(
    server: Server, client: httpx.Client, path: str
) -> None:
    before = lying(server)
    kind = {"content-type": "multipart/form-data; boundary=x"} if "upload" in path else {}
    answer = client.post(path, content=bytes(3 * 2**20), headers=kind)
    assert answer.status_code == 413 and "maximum allowed size" in answer.text
    if path in (RUN, JOIN, "/gradio_api/upload"):  # elsewhere it is not read
        start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
        answer = client.post(path, content=iter([start, *pieces(3 * 2**20)]), headers=kind)
        assert answer.status_code == 413 and "maximum allowed size" in answer.text
    assert becomes(lambda: lying(server) <= before)


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"files": ("a.wav", bytes(2**20 + 9))}},
        {"files": [("files", ("a.wav", b"a")), ("files", ("b.wav", b"b"))]},
        {"files": {"file": ("a.wav", b"a")}},
        {"data": {"files": "a"}},
        {"files": {"files": ("a.wav", b"a")}, "data": {"more": "a"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"json": {"files": "a"}},
        {"content": b""},
    ],
)
@pytest.mark.parametrize("progress", ["", "?upload_id=abc"])
def test_a_form_without_exactly_one_file_that_fits_leaves_nothing_behind(
    server: Server, client: httpx.Client, form: dict[str, Any], progress: str
) -> None:
    before = lying(server)
    answer = client.post(f"/gradio_api/upload{progress}", **form)
    assert answer.status_code in (400, 413) and len(answer.text) < 200, answer.text
    assert lying(server) <= before


@pytest.mark.parametrize(
    "name", ["../../../evil.wav", "..", ".", "/etc/cron.d/x", "a\0b.wav", "x" * 400 + ".wav", "ä ö.wav"]
)
def test_a_files_name_does_not_lead_out_of_its_folder(server: Server, client: httpx.Client, name: str) -> None:
    start = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="%b"\r\n\r\nabc\r\n--x--\r\n' % name.encode()
    )
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/gradio_api/upload", content=start, headers=kind)
    if answer.status_code == 200:
        path = Path(answer.json()[0])
        assert path.resolve() == path and path.parents[1].name == "uploads" and path.read_bytes() == b"abc"
    else:
        assert answer.status_code == 400


def test_an_upload_that_breaks_off_leaves_nothing_behind(server: Server) -> None:
    here = httpx.URL(server.address).netloc.decode()
    before = lying(server)
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {here}\r\nContent-Length: 100000\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    part = '--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    with socket.create_connection(here.split(":")) as line:
        line.sendall((head + part).encode() + bytes(1000))
        assert becomes(lambda: lying(server) > before)
    assert becomes(lambda: lying(server) <= before)


def test_so_many_clips_come_at_once_and_wait_for_an_answer(tmp_path: Path) -> None:
    with serving(tmp_path, *words("megabytes=1, waiting=2, uploads=1, stored=2")) as server, visiting(server) as client:
        name, content = session(), voice()
        go = threading.Event()

        def slow() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\nabc'
            assert go.wait(60)
            yield b"\r\n--x--\r\n"

        with ThreadPoolExecutor() as pool:
            kind = {"content-type": "multipart/form-data; boundary=x"}
            coming = pool.submit(client.post, "/gradio_api/upload", content=slow(), headers=kind)
            assert becomes(lambda: any(server.home.rglob("uploads/*")))
            refused = client.post("/gradio_api/upload", files={"files": content})
            assert refused.status_code == 503 and "as many clips as it can" in refused.text
            go.set()
            assert coming.result().status_code == 200
        for _ in range(2):
            assert tell(client, name, 0, [given(upload(client, content))]).status_code == 200
        third = tell(client, name, 0, [given(upload(client, content))])
        assert "2 clips of yours wait for an answer" in third.json()["data"][1]
        full = bytes(2**20 - 2000)
        upload(client, full)
        assert client.post("/gradio_api/upload", files={"files": full}).status_code == 503  # no room for it


# --- When it is over


def test_a_visit_that_no_browser_has_open_ends_after_a_while(server: Server, client: httpx.Client) -> None:
    name, content = session(), voice()
    first = Path(upload(client, content))
    assert tell(client, name, 0, [given(first)]).status_code == 200
    other = session()
    with client.stream("GET", f"/gradio_api/heartbeat/{other}") as beating:
        beats = beating.iter_raw()  # which would be closed with it
        next(beats)
        with httpx.Client(base_url=server.address, cookies=client.cookies, trust_env=False) as same:
            stays = Path(upload(same, content))
            assert tell(same, other, 0, [given(stays)]).status_code == 200
        assert becomes(lambda: not first.exists()) and stays.exists()
    assert becomes(lambda: not stays.exists())


def test_what_a_killed_page_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path, secret: Path) -> None:
    home = tmp_path / "home"
    with serving(home, *words()) as killed, visiting(killed) as client:
        content = voice()
        left = Path(upload(client, content)).parents[3]
        killed.process.kill()
        killed.process.wait()
    assert left.parent == home and killed.kept(content)
    (secret.parent / "files").mkdir()
    (home / "emozoo-demo-link").symlink_to(secret.parent)  # somebody else's trick
    (home / "emozoo-demo-mine").mkdir()
    (home / "emozoo-demo-mine" / "notes.txt").write_text("mine")
    with serving(home, *words()) as living:
        assert not left.exists() and not living.kept(content)
        mine = {path for path in home.iterdir() if (path / "lock").is_file()}
        with serving(home, *words()):  # beside it
            assert mine <= set(home.iterdir())
            with visiting(living) as client:
                assert Path(upload(client, content)).is_file()
    assert secret.is_file() and (home / "emozoo-demo-mine" / "notes.txt").is_file()


def test_a_token_is_not_kept_once_the_models_are_there(tmp_path: Path) -> None:
    code = "started=lambda _: print([name for name in os.environ if 'TOKEN' in name], flush=True)"
    line = ["-c", "import os; " + words(more=code)[1]]
    with serving(tmp_path, *line, HF_TOKEN="hf_secret", HUGGING_FACE_HUB_TOKEN="hf_secret") as server:
        assert json.loads(server.address.replace("'", '"')) == []
