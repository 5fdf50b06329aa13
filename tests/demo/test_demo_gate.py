"""The rules by which the demo page lets requests through and keeps clips, for whatever is sent: no server, no browser."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.browser import needs_gradio

from emozoo.demo import visits as demo_visits
from emozoo.demo.answer import Limits
from emozoo.demo.server import FOLDER
from emozoo.demo.visits import Visits
from emozoo.errors import EmozooError
from emozoo.inference.answers import Prediction
from emozoo.web.folder import private_folder, remove_left_behind
from emozoo.web.hosts import Hosts, hosts_of, parse_hosts

PORT = 7860
HERE = f"http://127.0.0.1:{PORT}"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["path", "url", "meta", "is_stream", "value"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def upload(visits: Visits, visitor: str = "", size: int = 3) -> Path:
    with visits.receiving(visitor, size) as folder:
        (folder / "a.wav").write_bytes(bytes(size))
    return folder / "a.wav"


# --- The gate


@needs_gradio
@settings(max_examples=200, deadline=None)
@given(said=JSON, paths=st.lists(st.sampled_from(["/etc/passwd", "mine", "theirs"]), max_size=2), stream=st.booleans())
def test_no_event_names_a_file_but_the_visitors_own_upload(
    said: Any, paths: list[str], stream: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from emozoo.demo.gate import COOKIE, Gate

    visits = Visits(tmp_path_factory.mktemp("visits"), 1, Limits())
    visitor = "v" * 22
    known = {"mine": str(upload(visits, visitor)), "theirs": str(upload(visits, "w" * 22))}
    reached: list[Any] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        reached.append(json.loads((await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask() -> int:
        gate = Gate(page, visits, Hosts(PORT), 100, {0})
        cookies = {COOKIE: visitor}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=HERE, cookies=cookies) as client:
            data = [{"path": known.get(path, path), "is_stream": stream, "url": "http://127.0.0.1/"} for path in paths]
            body = {"fn_index": 0, "session_hash": "s", "data": data or [said], "oauth_token": "x", "event_id": "y"}
            content = json.dumps(body).encode()
            return (await client.post("/gradio_api/run/predict", content=content)).status_code

    status = asyncio.run(ask())
    if paths == ["mine"]:
        [event] = reached
        meta = {"_type": "gradio.FileData"}
        assert status == 200 and event["data"] == [{"path": known["mine"], "orig_name": "a.wav", "meta": meta}]
        assert event.keys() == {"fn_index", "trigger_id", "session_hash", "data"} and event["session_hash"] != "s"
    elif not paths and said is None:
        assert status == 200 and reached[0]["data"] == [None]
    else:
        assert status in (400, 403) and not reached


@needs_gradio
def test_gradio_itself_copies_no_file_of_the_machine_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "page"))
    import gradio
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from emozoo.demo.models import load_models
    from emozoo.demo.page import build

    (tmp_path / "page").mkdir()
    (tmp_path / "secret.wav").write_bytes(b"secret")
    visits = Visits(tmp_path / "page" / "uploads", 1, Limits())
    page = build(load_models(()), visits, Limits(), tmp_path / "page")
    data = [{"path": str(tmp_path / "secret.wav"), "meta": {"_type": "gradio.FileData"}}]
    with TestClient(gradio.mount_gradio_app(FastAPI(), page, path="/")) as client:  # past the gate
        body = {"fn_index": 0, "session_hash": "s", "data": data}
        assert "was not uploaded" in client.post("/gradio_api/run/predict", json=body).json()["error"]
    assert [path.name for path in tmp_path.rglob("secret.wav")] == ["secret.wav"]


# --- Its names


@given(st.text(alphabet="localhst.127[]:0@/,\\ \t%#?evilĺ6\0", max_size=24))
def test_no_other_name_is_known(host: str) -> None:
    hosts = Hosts(PORT)
    own = {f"{name}:{PORT}" for name in ("localhost", "127.0.0.1", "[::1]")}
    assert hosts.know(host) is (host.lower() in own)
    assert not hosts.fits(f"http://{host}", f"127.0.0.1:{PORT}") or host == f"127.0.0.1:{PORT}"


def test_a_space_has_the_names_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "anna-feelings.hf.space, feelings.example.org")
    hosts = hosts_of("0.0.0.0", PORT, ())
    assert all(map(hosts.know, ("anna-feelings.hf.space", "feelings.example.org", f"127.0.0.1:{PORT}")))
    assert hosts.know(f"10.0.0.7:{PORT}", "10.0.0.7")  # where the request came in
    assert not any(
        map(hosts.know, ("0.0.0.0:7860", "bob-feelings.hf.space", "hf.space", "huggingface.co", "10.0.0.7:7860"))
    )
    space = "anna-feelings.hf.space"
    assert hosts.fits(f"https://{space}", space) and hosts.fits("https://huggingface.co", space)
    for origin in ("https://bob-feelings.hf.space", "http://huggingface.co", "https://huggingface.co.evil.example"):
        assert not hosts.fits(origin, space)
    monkeypatch.delenv("SPACE_HOST")
    assert not hosts_of("0.0.0.0", PORT, ()).fits("https://huggingface.co", f"127.0.0.1:{PORT}")


def test_port_80_goes_without_saying() -> None:
    hosts = Hosts(80)
    assert hosts.know("localhost") and hosts.know("localhost:80") and not hosts.know("localhost:81")
    assert hosts.fits("http://localhost", "localhost:80") and not hosts.fits("https://localhost", "localhost:80")


@pytest.mark.parametrize(
    "name", ["", "https://x.example", "x.example/", "a b", "x:99999", "*.example.org", "user@x.example"]
)
def test_what_is_no_host_costs_a_sentence(name: str) -> None:
    with pytest.raises(EmozooError, match="is no host: name one like"):
        parse_hosts([name])


# --- What it keeps


def test_a_clip_is_given_once_and_lies_there_until_the_next_is(tmp_path: Path) -> None:
    visits = Visits(tmp_path, 1, Limits())
    first, second = upload(visits), upload(visits)
    assert first.parent != second.parent
    assert visits.take("s", first, "a") == first
    with pytest.raises(EmozooError, match="was not given to this page"):
        visits.take("t", first, "a")
    found = visits.next("s", 0)
    assert found is not None
    found[0].clips[0][0] = Prediction("a")
    visits.take("s", second, "b")
    assert not first.parent.exists() and second.is_file()
    assert not visits.may_see(str(first), "") and visits.may_see(str(second), "")


def test_a_path_of_the_machine_is_neither_taken_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mine = tmp_path / "mine" / "mine.wav"
    mine.write_bytes(b"mine")
    visits = Visits(tmp_path / "visits", 1, Limits())
    visits.offer(mine)  # as an example
    with pytest.raises(EmozooError):
        visits.take("s", tmp_path / "other.wav", "x")
    visits.arrive("s")
    for _ in range(2):
        visits.take("s", mine, "x")
        visits.next("s", 0)[0].clips[-1][0] = Prediction("x")  # type: ignore[index]
    visits.leave("s")
    assert mine.read_bytes() == b"mine"
    assert visits.may_see(str(mine), "anybody") and not visits.may_give(str(mine), "")


def test_there_is_room_for_so_much(tmp_path: Path) -> None:
    visits = Visits(tmp_path, 1, Limits(megabytes=1, stored=2, clips=3, waiting=9, visits=1))
    paths = [upload(visits, size=2**20), upload(visits, size=2**19)]
    with pytest.raises(EmozooError, match="as many clips as it can"):
        upload(visits, size=2**19 + 1)
    with visits.receiving("", 2**19), pytest.raises(EmozooError):  # what is coming counts
        upload(visits, size=1)
    for path in paths:
        visits.take("s", path, "x")
    with pytest.raises(EmozooError, match="as many visitors as it can"):
        visits.take("t", upload(visits), "x")
    visits.take("s", upload(visits), "x")
    with pytest.raises(EmozooError, match="has had its 3 clips"):
        visits.take("s", upload(visits), "x")


def test_an_upload_that_fails_leaves_nothing_and_gives_its_room_back(tmp_path: Path) -> None:
    visits = Visits(tmp_path, 1, Limits(megabytes=1, stored=1, uploads=1))
    for _ in range(3):
        with pytest.raises(OSError, match="broken"), visits.receiving("", 2**20) as folder:
            (folder / "tmp").write_bytes(b"x")
            raise OSError("broken")
    assert not list(tmp_path.iterdir())
    assert upload(visits, size=2**20).is_file()


def test_what_nobody_asks_for_any_more_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = Visits(tmp_path, 1, Limits(idle=100))
    forgotten, silent, open_ = (upload(visits) for _ in range(3))
    visits.take("silent", silent, "x")
    visits.arrive("open")
    visits.arrive("open")  # in two windows
    visits.take("open", open_, "x")
    now = time.monotonic()
    for later, there in [(50, {forgotten, silent, open_}), (90, {silent, open_}), (110, {open_}), (9999, {open_})]:
        monkeypatch.setattr(demo_visits.time, "monotonic", lambda later=later: now + later)
        visits.tidy()
        assert {path for path in (forgotten, silent, open_) if path.exists()} == there
    visits.leave("open")
    assert open_.exists()
    visits.leave("open")
    assert not open_.exists() and not list(tmp_path.iterdir())


# --- Its folder


def test_a_folder_is_removed_that_a_killed_process_left_and_no_living_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "from emozoo.web.folder import private_folder\n"
        f"with private_folder({FOLDER!r}) as place: print(place, flush=True); input()"
    )
    line = [sys.executable, "-c", code]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        (left / "clip.wav").write_bytes(b"x")
        (left / "link").symlink_to(tmp_path / "away")
        (tmp_path / "away").mkdir()
        with private_folder(FOLDER) as mine:
            assert left.is_dir() and mine.is_dir() and mine.stat().st_mode & 0o77 == 0
            process.kill()
            process.wait()
            remove_left_behind(FOLDER)
            assert not left.parent.exists() and mine.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["away"]


def test_a_link_and_a_folder_of_something_else_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    away = tmp_path / "away"
    (away / "files").mkdir(parents=True)
    (tmp_path / "emozoo-demo-link").symlink_to(away)
    (tmp_path / "emozoo-demo-inside").mkdir()
    (tmp_path / "emozoo-demo-inside" / "files").symlink_to(away)
    (tmp_path / "emozoo-demo-starting").mkdir()
    (tmp_path / "emozoo-demo-file").write_text("x")
    with private_folder(FOLDER):
        pass
    names = {"away", *(f"emozoo-demo-{word}" for word in ("link", "inside", "starting", "file"))}
    assert {path.name for path in tmp_path.iterdir()} == names and (away / "files").is_dir()
