"""What a service answers is what `emozoo predict --json` prints, by each of its models, for one client or many."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jsonschema
import numpy as np
import pytest
from support.make_media import write_sound
from support.models import LABELS
from support.places import ROOT
from support.service import Service, check
from support.small import emozoo, toy

from emozoo import load
from emozoo.serve.schemas import SCHEMAS, document


def given(*paths: Path) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (path.name, path.read_bytes())) for path in paths]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_written_down(name: str) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    assert schema == document(name)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_the_line_of_the_start_says_where_it_listens(service: Service, client: httpx.Client) -> None:
    check(service.started, "serve")
    assert service.started["models"] == ["small", "seeing"]
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+/", service.started["address"])
    assert client.get("/healthz").json() == {"schema": 1, "status": "ok"}


@pytest.mark.parametrize("where", ["query", "form"])
def test_files_get_the_answers_of_predict(client: httpx.Client, clips: Path, models: Path, where: str) -> None:
    paths = sorted(clips.glob("voice*.wav"))
    options = {"timeline": "true", "hop": "0.5", "vad": "false", "min_confidence": "0.1"}
    query, form = (options, {}) if where == "query" else ({}, options)
    answer = client.post("/v1/predict", files=given(*paths), params=query, data=form)
    assert answer.status_code == 200, answer.text
    for name in ("predict", "serve-predict"):
        check(answer.json(), name)
    words = ["--timeline", "--hop", "0.5", "--no-vad", "--min-confidence", "0.1", "--device", "cpu", "--json"]
    wanted = json.loads(emozoo("predict", *map(str, paths), "--model", str(models / "small"), *words).stdout)
    assert answer.json()["labels"] == wanted["labels"] == list(LABELS)
    for ours, theirs in zip(answer.json()["predictions"], wanted["predictions"], strict=True):
        assert ours.keys() == theirs.keys() and ours["file"] == Path(theirs["file"]).name
        assert ours["emotion"] == theirs["emotion"]
        assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-6)
        assert len(ours["windows"]) == len(theirs["windows"])
        for window, other in zip(ours["windows"], theirs["windows"], strict=True):
            assert (window["start"], window["end"]) == (other["start"], other["end"])
            assert window["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


@pytest.mark.parametrize("windows", [False, True])
def test_embeddings_are_those_of_the_model(client: httpx.Client, clips: Path, models: Path, windows: bool) -> None:
    paths = sorted(clips.glob("voice*.wav"))[1:]
    model = load(str(models / "small"), "cpu")
    bad = ("files", ("notes.txt", b"no sound at all"))
    options = {"vad": "false", "windows": str(windows).lower()}
    answer = client.post("/v1/embed", files=[*given(*paths), bad], params=options)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "serve-embed")
    *found, failed = answer.json()["embeddings"]
    assert failed["file"] == "notes.txt" and "notes.txt" in failed["error"]
    for path, each in zip(paths, found, strict=True):
        ours = [window["embedding"] for window in each["windows"]] if windows else each["embedding"]
        theirs = model.embed(str(path), vad=False, windows=windows)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    refused = client.post("/v1/embed", files=[bad])
    assert refused.status_code == 422
    for name in ("serve-embed", "serve-error"):
        check(refused.json(), name)


def test_a_model_is_chosen_by_name_and_sees_videos(client: httpx.Client, models: Path) -> None:
    film = sorted(toy().rglob("*.avi"))[0]
    answer = client.post("/v1/predict?model=seeing&vad=false", files=given(film)).json()
    words = ["--model", str(models / "seeing"), "--no-vad", "--device", "cpu", "--json"]
    wanted = json.loads(emozoo("predict", str(film), *words).stdout)
    assert answer["model"] == "seeing"
    assert answer["predictions"][0]["probabilities"] == pytest.approx(
        wanted["predictions"][0]["probabilities"], abs=1e-6
    )


def test_concurrent_requests_get_the_answers_of_lone_ones_and_share_batches(
    service: Service, client: httpx.Client, clips: Path
) -> None:
    paths = sorted(clips.glob("voice*.wav"))
    alone = [service.predict(path, vad=False).json() for path in paths]
    before = [service.count(name, client) for name in ("emozoo_batch_calls_total", "emozoo_batch_windows_count")]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda number: service.predict(paths[number % 4], vad=False).json(), range(48)))
    after = [service.count(name, client) for name in ("emozoo_batch_calls_total", "emozoo_batch_windows_count")]
    for number, answer in enumerate(together):
        wanted = alone[number % 4]["predictions"][0]
        assert answer["predictions"][0]["emotion"] == wanted["emotion"]
        assert answer["predictions"][0]["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)
    assert after[0] - before[0] == 48 > after[1] - before[1], "no two requests were answered in one batch"


def test_a_bad_file_fails_alone_and_nothing_is_kept(service: Service, client: httpx.Client, clips: Path) -> None:
    bad = [("files", ("notes.txt", b"no sound at all")), ("files", ("empty.wav", b""))]
    answer = client.post("/v1/predict?vad=false", files=[*bad, *given(clips / "voice0.wav")])
    assert answer.status_code == 200
    check(answer.json(), "serve-predict")
    first, second, third = answer.json()["predictions"]
    assert first["file"] == "notes.txt" and "notes.txt" in first["error"] and "emotion" not in first
    assert "error" in second and third["emotion"] in LABELS
    assert not service.lying()


def test_silence_gets_a_reason_and_no_emotion(client: httpx.Client, tmp_path: Path) -> None:
    silent = write_sound(tmp_path / "silent.wav", np.zeros((16_000, 1), np.float32), 16_000)
    answer = client.post("/v1/predict", files=given(silent))
    assert answer.status_code == 422
    check(answer.json(), "serve-predict")
    check(answer.json(), "serve-error")
    [found] = answer.json()["predictions"]
    assert found["emotion"] is None and found["reason"] == "silent" and "silent.wav is silent" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/etc/passwd", "/etc/passwd"),
        ("http://127.0.0.1:1/x.wav", "http://127.0.0.1:1/x.wav"),
        ("a\x1b[31m\u202eb\u200b.wav", "a[31mb.wav"),
        ("x" * 1000, "x" * 255),
        ("\x01", "file 1"),
    ],
)
def test_a_name_is_only_a_name(client: httpx.Client, clips: Path, name: str, shown: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    body = head + (clips / "voice0.wav").read_bytes() + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/v1/predict?vad=false", content=body, headers=kind)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["file"] == shown


def test_the_models_say_what_they_are(client: httpx.Client) -> None:
    answer = client.get("/v1/models").json()
    check(answer, "serve-models")
    assert answer["default"] == "small"
    assert [(each["name"], each["modalities"], each["streams"]) for each in answer["models"]] == [
        ("small", ["audio"], True),
        ("seeing", ["audio", "video"], False),
    ]


def test_the_openapi_document_lists_every_route(client: httpx.Client) -> None:
    from emozoo.serve.app import ROUTES

    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1") and set(found["paths"]) == {route.path for route in ROUTES}
    assert found["components"]["schemas"] == SCHEMAS
    for path, operations in found["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["responses"], path
    options = {each["name"] for each in found["paths"]["/v1/predict"]["post"]["parameters"]}
    assert options == {"model", "timeline", "hop", "vad", "min_confidence", "coverage"}


def test_the_page_loads_nothing(client: httpx.Client) -> None:
    answer = client.get("/", follow_redirects=True)
    assert answer.url.path == "/docs" and answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|<img|<iframe|src=|url\(|@import", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in client.get("/openapi.json").json()["paths"]:
        assert f" {path}</code>" in answer.text


def test_metrics_count_and_hold_nothing_of_the_clients(service: Service, client: httpx.Client, clips: Path) -> None:
    before = service.count("emozoo_windows_total", client)
    path = clips / "voice0.wav"
    client.post("/v1/predict?vad=false", files=[("files", ("very-private.wav", path.read_bytes()))])
    client.get("/very-private")
    text = client.get("/metrics").text
    assert service.count("emozoo_windows_total", client) == before + 1
    assert "very-private" not in text and 'route="other"' in text
    assert 'emozoo_requests_total{route="/v1/predict",status="200"}' in text
