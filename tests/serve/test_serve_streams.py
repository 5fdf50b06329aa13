"""`WS /v1/listen`: a stream gets the lines of `emozoo listen --json`, whatever its messages are cut into."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.service import FINISH, Service, check, lines_of, opened, serving, voice
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from emozoo import load
from emozoo.inference.options import PredictOptions
from emozoo.listening.listener import Listener


def asked(
    service: Service, messages: Sequence[bytes | str], query: str = "vad=false"
) -> tuple[list[dict[str, Any]], int]:
    with opened(service, query) as socket:
        for message in messages:
            try:
                socket.send(message)
            except ConnectionClosed:
                break
        return lines_of(socket)


def pcm(seconds: float, rate: int = 16_000, channels: int = 1) -> np.ndarray:
    """int16 [samples, channels]."""
    return np.repeat((voice(seconds, rate) * 32767).astype("<i2"), channels, axis=1)


@pytest.mark.parametrize(("rate", "channels", "size"), [(16_000, 1, 3_201), (44_100, 2, 10_007), (8_000, 1, 999_999)])
def test_a_stream_gets_the_answers_of_a_listener(
    service: Service, models: Path, rate: int, channels: int, size: int
) -> None:
    sound = pcm(6.5, rate, channels)
    data = sound.tobytes()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    lines, code = asked(service, [*pieces, FINISH], f"rate={rate}&channels={channels}&vad=false")
    listener = Listener(load(str(models / "small"), "cpu"), rate, PredictOptions(vad=False))
    wanted = [*listener.feed(sound), *listener.finish()]
    assert code == 1000
    assert lines.pop() == {"schema": 1, "finished": True, "windows": len(wanted), "seconds": 6.5}
    assert [(line["start"], line["end"], line["emotion"]) for line in lines] == [
        (each.start, each.end, each.emotion) for each in wanted
    ]
    for line, each in zip(lines, wanted, strict=True):
        assert line["probabilities"] == pytest.approx(each.probabilities, abs=1e-6)


def test_answers_come_while_the_stream_goes_on(service: Service) -> None:
    with opened(service) as socket:
        socket.send(pcm(3.5).tobytes())
        assert json.loads(socket.recv(timeout=120))["end"] == 3.0
        socket.send(pcm(1).tobytes())
        assert json.loads(socket.recv(timeout=120))["end"] == 4.0
        socket.send(FINISH)
        lines, code = lines_of(socket)
    assert lines[-1]["finished"] and code == 1000


@pytest.mark.parametrize(
    ("query", "messages", "says", "code"),
    [
        ("rate=fast", [], "rate is a whole number", 4422),
        ("rate=1", [], "rate", 4422),
        ("channels=0", [], "channels", 4422),
        ("format=mp3", [], "format is one of u8, s16le", 4422),
        ("token=x", [], "is no option here", 4422),
        ("coverage=0.9", [], "not calibrated", 4422),
        ("model=none", [], "no model here", 4404),
        ("model=seeing", [], "needs video", 4422),
        ("", [FINISH], "no sound", 4422),
        ("", ["hello"], '{"finish": true}', 4400),
        ("", ['{"finish": 1}'], '{"finish": true}', 4400),
        ("", [b"RIFF\0\0\0\0WAVEfmt "], "WAV, not raw samples", 4415),
        ("format=f32le", [np.full(16_000, np.nan, "<f4").tobytes()], "NaN", 4422),
        ("", [bytes(2**20 + 1)], "1,048,576 bytes", 4413),
        ("vad=false", [bytes(2**18)] * 2, "longer than the 8 s", 4413),
    ],
)
def test_what_cannot_be_gets_one_line_and_a_code(
    service: Service, query: str, messages: list[bytes | str], says: str, code: int
) -> None:
    lines, closed = asked(service, messages, query)
    assert says in lines[-1]["error"] and closed == code, lines
    check(lines[-1], "serve-error")


def test_a_stream_is_refused_before_it_begins(service: Service) -> None:
    address = service.address.replace("http://", "ws://")
    for path, headers, status in (
        ("/v1/listen", {"Origin": "https://evil.example"}, 403),
        ("/v1/other", {}, 404),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{address}{path}", proxy=None, additional_headers=headers)
        assert refused.value.response.status_code == status
        check(json.loads(refused.value.response.body), "serve-error")


def test_streams_need_the_token_and_are_limited(models: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    words = ["--model", str(models / "small"), "--token-file", str(tmp_path / "token"), "--max-streams", "1"]
    with serving(tmp_path / "home", *words, "--timeout", "1") as service:
        with pytest.raises(InvalidStatus) as refused:
            opened(service)
        assert refused.value.response.status_code == 401
        shown = {"additional_headers": {"Authorization": "Bearer 0123456789abcdef"}}
        with opened(service, **shown) as socket:
            socket.send(pcm(0.1).tobytes())
            with pytest.raises(InvalidStatus) as refused:
                opened(service, **shown)
            assert refused.value.response.status_code == 503 and "retry-after" in refused.value.response.headers
            lines, code = lines_of(socket)
        assert "nothing for 1 s" in lines[-1]["error"] and code == 4408
        with opened(service, **shown) as socket:
            socket.send(FINISH)
            assert lines_of(socket)[1] == 4422


def test_an_ending_service_answers_what_it_heard_and_closes_streams(models: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--model", str(models / "small")) as service, opened(service) as socket:
        socket.send(pcm(3.5).tobytes())
        assert json.loads(socket.recv(timeout=120))["end"] == 3.0
        service.process.send_signal(signal.SIGTERM)
        lines, code = lines_of(socket)
        assert code == 1001 and [line.get("end") for line in lines] == [3.5, None] and "ending" in lines[-1]["error"]
        assert service.process.wait(60) == 0
