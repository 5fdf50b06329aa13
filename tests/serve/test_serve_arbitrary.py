"""Whatever is thrown at a service, it answers with a status that is documented and one sentence, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.service import FINISH, STATUSES, Service, check, lines_of, opened, sentence
from websockets.exceptions import ConnectionClosed

KIND = "multipart/form-data; boundary=b"
CODES = {1000, 1007, 1009, *(4000 + status for status in STATUSES)}
OPTIONS = (
    "model",
    "timeline",
    "hop",
    "vad",
    "min_confidence",
    "coverage",
    "windows",
    "rate",
    "channels",
    "format",
    "x",
)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
values = words | st.sampled_from(["true", "0", "0.5", "-1", "1e9", "nan", "small", "seeing", "s24le", "8000"])
queries = st.dictionaries(st.sampled_from(OPTIONS) | words, values, max_size=3)
heads = st.sampled_from(
    [b"RIFF", b"fLaC", b"OggS", b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftyp", b"ID3\3", b"#EXTM3U\n", b""]
)
contents = st.builds(lambda head, rest: head + rest, heads, st.binary(max_size=300))
EVERY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Parts of a form, well made or not."""
    body = b""
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([b"files", b"hop", b"model", b"", b"\xff"]))
        file = draw(st.sampled_from([b"", b'; filename="a.wav"', b'; filename=""', b"; filename=\xff\0"]))
        body += b'--b\r\nContent-Disposition: form-data; name="' + name + b'"' + file + b"\r\n\r\n"
        body += draw(contents) + b"\r\n"
    return body + draw(st.sampled_from([b"--b--\r\n", b"--b", b""]))


def answered(client: httpx.Client, path: str, body: bytes, kind: str, query: dict[str, str]) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": kind}, params=query)
    if answer.status_code == 200:
        check(answer.json(), f"serve-{path.rsplit('/', 1)[1]}")
    else:
        assert answer.status_code in STATUSES - {500}
        sentence(answer, answer.status_code)
        check(answer.json(), "serve-error")


@EVERY
@given(path=st.sampled_from(["/v1/predict", "/v1/embed"]), body=forms() | st.binary(max_size=300), query=queries)
def test_any_form_gets_an_answer_or_a_sentence(
    service: Service, client: httpx.Client, path: str, body: bytes, query: dict[str, str]
) -> None:
    answered(client, path, body, KIND, query)
    assert not service.lying()


@EVERY
@given(kind=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), body=st.binary(max_size=100))
def test_any_content_type_gets_a_sentence(client: httpx.Client, kind: str, body: bytes) -> None:
    answered(client, "/v1/predict", body, kind.strip(), {})


@settings(EVERY, max_examples=15)
@given(content=st.binary(min_size=50, max_size=400), place=st.integers(0, 300))
def test_a_clip_with_a_hole_gets_an_answer_or_a_sentence(
    service: Service, client: httpx.Client, clips: Path, content: bytes, place: int
) -> None:
    clip = (clips / "voice0.wav").read_bytes()
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    answered(
        client, "/v1/predict", body + clip[:place] + content + clip[place:] + b"\r\n--b--\r\n", KIND, {"vad": "false"}
    )


messages = st.lists(st.binary(max_size=5_000) | words | st.sampled_from([FINISH, "{}", "[" * 2_000]), max_size=5)


@EVERY
@given(sent=messages, query=queries)
def test_any_messages_get_lines_and_a_code(service: Service, sent: list[bytes | str], query: dict[str, str]) -> None:
    with opened(service, str(httpx.QueryParams(query))) as socket:
        try:
            for message in [*sent, FINISH]:
                socket.send(message)
        except ConnectionClosed:
            pass
        lines, code = lines_of(socket)
    assert code in CODES - {4500}, (code, lines)
    assert code == 1000 or "error" in lines[-1]
    assert json.loads(json.dumps(lines)) == lines


def test_it_still_answers_after_all_that(service: Service, clips: Path) -> None:
    assert service.predict(clips / "voice0.wav", vad=False).status_code == 200
    assert service.process.poll() is None
