"""`emozoo fetch` against a real server: terms, resuming, checks, unpacking, and what goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.archives import noise, zipped
from support.distributions import distribution
from support.file_server import Files, serving
from support.schemas import validate
from support.small import emozoo, one_error

from emozoo.data.corpus import Corpus, Download, Listing, RemoteFile, RowsBuilder, corpus_problem, row
from emozoo.data.fetching.fetch import fetch, there
from emozoo.errors import EmozooError
from emozoo.registry.entry_points import DATASETS

SOURCE = """
import os
from emozoo.data.corpus import Corpus, Download, Listing, RemoteFile, RowsBuilder, row

URL = os.environ["TEST_URL"]

class Builder(RowsBuilder):
    def read(self, folder):
        return [row(utterance_id=each.stem, audio_path=str(each)) for each in sorted(folder.rglob("*.wav"))]

corpus = Corpus(
    name="free_words", builder=Builder, obtain="Ask Anna.", summary="words that anybody may use", citation="Anna 2024",
    download=Download(
        page="https://example.org/words", licence="CC BY 4.0", terms="https://example.org/licence", commercial=True,
        files=(RemoteFile(URL + "/words.zip", "words.zip", unpack=True),),
    ),
)
"""


class Words(RowsBuilder):
    def read(self, folder: Path) -> list[dict[str, Any]]:
        return [row(utterance_id=each.stem, audio_path=str(each)) for each in sorted(folder.rglob("*.wav"))]


def corpus_of(**download: Any) -> Corpus:
    page = "https://example.org/words"
    return Corpus(
        name="free_words",
        builder=Words,
        obtain="Ask Anna.",
        download=Download(page=page, licence="CC BY 4.0", terms="https://example.org/licence", **download),
    )


def one_file(server: Files, name: str = "a.wav", **more: Any) -> Corpus:
    return corpus_of(files=(RemoteFile(f"{server.url}/{name}", name, **more),))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serving(
        **{"a.wav": noise(3_000_000), "words.zip": zipped(**{"w/a.wav": b"a" * 999, "w/b.wav": b"b"})}
    ) as files:
        yield files


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    distribution(folder, "free-words", {"free_words": "free_words:corpus"}, SOURCE, DATASETS)
    return folder


def command(site: Path, server: Files, *words: object) -> tuple[list[str], dict[str, str]]:
    changed = {"PYTHONPATH": str(site), "TEST_URL": server.url, "HF_HUB_OFFLINE": "0", "COLUMNS": "60"}
    return [sys.executable, "-m", "emozoo", "fetch", *map(str, words)], {**os.environ, **changed}


def run(site: Path, server: Files, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    called, environment = command(site, server, *words)
    return subprocess.run(
        called, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


def test_a_corpus_is_downloaded_once_and_the_next_command_is_told(site: Path, server: Files, tmp_path: Path) -> None:
    folder = tmp_path / "Wörter & more"
    done = run(site, server, "free_words", "--output", folder, "--accept", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    validate(document, "fetch")
    assert document["state"] == "fetched" and document["files"] == 2 and document["bytes"] == 1000
    assert document["next"] == f"emozoo train cnn_rnn --dataset free_words --data-dir '{folder}'"
    assert (folder / "w" / "a.wav").read_bytes() == b"a" * 999
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["a.wav", "b.wav", "fetched.json"]
    for said in (
        "CC BY 4.0",
        "https://example.org/licence",
        "https://example.org/words",
        "Anna 2024",
        "commercial use",
    ):
        assert said in done.stderr
    record = json.loads((folder / "fetched.json").read_text())
    assert record["files"][0] == {
        "name": "w/a.wav", "size": 999, "address": f"{server.url}/words.zip",
        "sha256": hashlib.sha256(server.files["/words.zip"]).hexdigest(),
    }  # fmt: skip
    again = run(site, server, "free_words", "--output", folder)
    assert again.returncode == 0 and "is already in" in again.stderr
    assert again.stdout == f"emozoo train cnn_rnn --dataset free_words --data-dir '{folder}'\n"
    assert len(server.requests) == 1


def test_without_a_terminal_the_terms_must_be_accepted_by_the_option(site: Path, server: Files, tmp_path: Path) -> None:
    done = run(site, server, "free_words", cwd=tmp_path)
    assert "https://example.org/licence" in one_error(done) and "--accept" in one_error(done)
    assert not server.requests and not (tmp_path / "data").exists()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_in_a_terminal_the_user_is_asked(site: Path, server: Files, tmp_path: Path, answer: str) -> None:
    called, environment = command(site, server, "free_words")
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        called, env=environment, cwd=tmp_path, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    with pytest.raises(OSError):  # the terminal's other side is closed
        while part := os.read(ours, 4096):
            shown += part
    assert child.stdout is not None
    printed, status = child.stdout.read(), child.wait(60)
    assert b"Do you accept these terms?" in shown
    assert (status, bool(printed), len(server.requests)) == ((0, True, 1) if answer == "y" else (2, False, 0))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_download_continues_where_it_was(
    site: Path, server: Files, tmp_path: Path, number: int, status: int
) -> None:
    data = zipped(**{"a.wav": noise(5_000_000)})
    server.files["/words.zip"] = data
    server.holds["/words.zip"] = 3_000_000
    called, environment = command(site, server, "free_words", "--accept")
    child = subprocess.Popen(called, env=environment, cwd=tmp_path)
    part = tmp_path / "data" / "free_words" / "words.zip.part"
    assert server.reached.wait(60)
    while not part.is_file() or part.stat().st_size < 2_000_000:
        assert child.poll() is None
    child.send_signal(number)
    assert child.wait(20) == status, "it does not wait for the server, which is silent"
    had = part.stat().st_size
    assert run(site, server, "free_words", "--accept", cwd=tmp_path).returncode == 0
    assert server.ranges_asked("/words.zip") == ["", f"bytes={had}-"]
    assert (tmp_path / "data" / "free_words" / "a.wav").read_bytes() == noise(5_000_000)
    assert not list((tmp_path / "data" / "free_words").glob("*.part*"))


def half(server: Files, folder: Path, size: int = 1_500_000, **more: Any) -> Corpus:
    """Leaves a part, as an interrupted download does."""
    corpus = one_file(server, **more)
    server.failures["/a.wav"] = [(403, {})]
    with pytest.raises(EmozooError, match="does not give the file to everybody"):
        fetch(corpus, folder)
    tag = f'"{hashlib.md5(server.files["/a.wav"]).hexdigest()}"' if server.tags else ""
    (folder / "a.wav.part").write_bytes(server.files["/a.wav"][:size])
    (folder / "a.wav.part.json").write_text(json.dumps({"address": f"{server.url}/a.wav", "mark": tag}))
    server.requests.clear()
    return corpus


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_changed_in_between_starts_over(server: Files, tmp_path: Path, honest: bool) -> None:
    corpus = half(server, tmp_path)
    server.files["/a.wav"], server.honest = noise(2_000_000, seed=1), honest
    fetch(corpus, tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == noise(2_000_000, seed=1)


@pytest.mark.parametrize("size", [1, 2_999_999, 3_000_000])
def test_any_part_is_continued(server: Files, tmp_path: Path, size: int) -> None:
    tallies: list[tuple[int, int | None]] = []
    corpus = half(server, tmp_path, size)
    fetch(corpus, tmp_path, lambda tally: tallies.append((tally.bytes, tally.total)))
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)
    assert server.ranges_asked("/a.wav") == [f"bytes={size}-"]
    assert tallies[0][0] == size and tallies[-1][0] == 3_000_000


def test_a_source_that_knows_no_range_sends_all_anew(server: Files, tmp_path: Path) -> None:
    corpus = half(server, tmp_path)
    server.ranges = False
    fetch(corpus, tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)


def test_a_part_of_unknown_state_is_not_continued_without_a_checksum(server: Files, tmp_path: Path) -> None:
    server.tags = False
    fetch(half(server, tmp_path / "one"), tmp_path / "one")
    assert server.ranges_asked("/a.wav") == [""]
    checksum = f"sha256:{hashlib.sha256(noise(3_000_000)).hexdigest()}"
    fetch(half(server, tmp_path / "two", checksum=checksum), tmp_path / "two")
    assert server.ranges_asked("/a.wav") == ["bytes=1500000-"]
    for name in ("one", "two"):
        assert (tmp_path / name / "a.wav").read_bytes() == noise(3_000_000)


def test_a_part_that_is_not_the_file_is_found_by_the_checksum_and_comes_anew(server: Files, tmp_path: Path) -> None:
    corpus = half(server, tmp_path, checksum=f"md5:{hashlib.md5(noise(3_000_000)).hexdigest()}", size=3_000_000)
    (tmp_path / "a.wav.part").write_bytes(noise(1_000_000, seed=2))
    fetch(corpus, tmp_path)
    assert server.ranges_asked("/a.wav") == ["bytes=1000000-", ""]
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)


@pytest.mark.parametrize("more", [{"checksum": f"md5:{'0' * 32}"}, {"size": 2_999_999}, {"size": 3_000_001}])
def test_what_is_not_as_announced_is_refused_and_not_kept(server: Files, tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(
        EmozooError, match=r"a\.wav is not what its source says.*by hand from https://example.org/words"
    ):
        fetch(one_file(server, **more), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fetch.lock", "fetched.json"]
    assert there(one_file(server), tmp_path) is None


def test_broken_connections_and_a_busy_server_are_tried_again(server: Files, tmp_path: Path) -> None:
    server.failures["/a.wav"] = [(503, {"Retry-After": "0"})]
    server.cuts["/a.wav"] = [1_000_000, 500_000]
    fetch(one_file(server), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)
    assert server.ranges_asked("/a.wav") == ["", "", "bytes=1000000-", "bytes=1500000-"]


def test_a_server_that_falls_silent_is_asked_again(
    server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emozoo.data.fetching.bringing.SILENCE", 0.3)
    server.holds["/a.wav"] = 2_000_000
    fetch(one_file(server), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)
    assert server.ranges_asked("/a.wav") == ["", "bytes=2000000-"]


def test_the_proxy_of_the_environment_is_asked(
    site: Path, server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "http://127.0.0.1:9/words.zip"  # where nobody answers
    server.files[address] = server.files["/words.zip"]
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    proxied, server.url = server.url, "http://127.0.0.1:9"
    done = run(site, server, "free_words", "--accept", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path for path, _ in server.requests] == [address] and proxied not in done.stderr


def test_a_compressed_answer_is_the_file(server: Files, tmp_path: Path) -> None:
    server.zipped = True
    fetch(one_file(server), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == noise(3_000_000)


def test_what_another_try_would_not_change_is_one_sentence_with_the_page(server: Files, tmp_path: Path) -> None:
    away = "http://example.org/a.wav"
    for number, (status, headers, sentence) in enumerate(
        [
            (404, {}, "is not there any more"),
            (401, {}, "does not give the file to everybody"),
            (503, {"Retry-After": "3600"}, "has a problem of its own"),
            (429, {"Retry-After": "3600"}, "asks to slow down"),
        ]
    ):
        server.failures["/a.wav"] = [(status, headers)]
        with pytest.raises(EmozooError, match=f"{sentence}.*by hand from https://example.org/words"):
            fetch(one_file(server), tmp_path / str(number))
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(EmozooError, match="a web page, such as a login"):
        fetch(one_file(server), tmp_path / "login")
    assert away not in str(server.requests)


def test_no_token_and_no_cookie_leave(server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.failures["/a.wav"] = [(302, {"Location": f"{server.url}/moved.wav", "Set-Cookie": "session=1"})]
    server.files["/moved.wav"] = b"sound"
    fetch(one_file(server), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == b"sound"
    assert len(server.requests) == 2 and "hf_secret" not in str(server.requests)


def test_a_listing_names_the_files_and_is_not_trusted(server: Files, tmp_path: Path) -> None:
    def read(answer: Any) -> list[RemoteFile]:
        return [RemoteFile(each["url"], each["name"]) for each in answer["files"]]

    corpus = corpus_of(listing=Listing(f"{server.url}/list", read))
    files = [{"url": f"{server.url}/a.wav", "name": f"{name}/a.wav"} for name in "abcdef"]
    server.files["/list"] = json.dumps({"files": files}).encode()
    assert fetch(corpus, tmp_path / "good").files == 6
    for number, (answer, sentence) in enumerate(
        {
            b'{"files": [{"url": "http://example.org/a", "name": "a"}]}': "not https",
            b'{"files": [{"url": "https://example.org/a", "name": "../a"}]}': "leads out of the folder",
            b'{"files": []}': "lists no file",
            b'{"other": []}': "another list",
            b"<html>": "does not answer with a list",
        }.items()
    ):
        server.files["/list"] = answer
        with pytest.raises(EmozooError, match=sentence):
            fetch(corpus, tmp_path / str(number))


def test_what_came_is_kept_where_another_file_fails(server: Files, tmp_path: Path) -> None:
    names = ["a.wav", "gone.wav"]
    corpus = corpus_of(files=tuple(RemoteFile(f"{server.url}/{name}", name) for name in names))
    server.files["/a.wav"] = b"short"
    with pytest.raises(EmozooError, match="gone.wav is not there any more"):
        fetch(corpus, tmp_path)
    server.files["/gone.wav"] = b"back"
    assert fetch(corpus, tmp_path).files == 2
    assert len(server.ranges_asked("/gone.wav")) == 2


def test_a_file_that_was_lost_comes_again(server: Files, tmp_path: Path) -> None:
    corpus = one_file(server, "words.zip", unpack=True)
    fetch(corpus, tmp_path)
    (tmp_path / "w" / "b.wav").unlink()
    assert there(corpus, tmp_path) is None
    assert fetch(corpus, tmp_path).anew and (tmp_path / "w" / "b.wav").read_bytes() == b"b"


def test_folders_of_others_are_left_alone(server: Files, tmp_path: Path) -> None:
    corpus = one_file(server)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("x")
    (tmp_path / "file").write_text("x")
    fetch(replace(corpus, name="other"), tmp_path / "other")
    for name, sentence in {
        "mine": "holds other files",
        "file": "is a file",
        "other": "holds the dataset other",
    }.items():
        with pytest.raises(EmozooError, match=f"{sentence}.*--output"):
            fetch(corpus, tmp_path / name)
    assert (tmp_path / "mine" / "thesis.doc").read_text() == "x"


def test_two_at_once_do_not_share_a_folder(server: Files, tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".fetch.lock"), pytest.raises(EmozooError, match="another emozoo fetch writes to"):
        fetch(one_file(server), tmp_path)


def test_a_full_disk_is_found_before_anything_comes(server: Files, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="make room, or name another folder with --output"):
        fetch(one_file(server, size=10**18), tmp_path)
    assert not server.requests


def test_a_dataset_without_a_download_says_how_to_obtain_it() -> None:
    assert "https://sail.usc.edu/iemocap/" in one_error(emozoo("fetch", "iemocap", "--accept", check=2))
    assert "emozoo generates it" in one_error(emozoo("fetch", "toy", check=2))
    assert "did you mean ravdess" in one_error(emozoo("fetch", "ravdes", check=2))
    assert "name the dataset" in one_error(emozoo("fetch", "--accept", check=2))
    assert "emozoo fetch ravdess downloads them" in one_error(
        emozoo("train", "cnn", "--dataset", "ravdess", "--output", "unused", check=2)
    )


def test_what_can_be_fetched_is_listed() -> None:
    document = json.loads(emozoo("fetch", "--json").stdout)
    validate(document, "fetch-list")
    assert "ravdess" in {each["name"] for each in document["datasets"]}
    shown = emozoo("fetch", COLUMNS="60").stdout
    assert "CC BY-NC-SA 4.0" in shown and max(map(len, shown.splitlines())) <= 60
    validate(json.loads(emozoo("info", "ravdess", "--json").stdout), "info")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"page": "http://example.org"}, "which is not https"),
        ({"terms": "ftp://example.org"}, "which is not https"),
        ({"licence": ""}, "names no licence"),
        ({"files": ()}, "in none or several"),
        ({"hub": "anna/words"}, "in none or several"),
        ({"files": (RemoteFile("http://example.org/a", "a"),)}, "is not https"),
        ({"files": (RemoteFile("https://example.org/a", "/a"),)}, "leads out of the folder"),
        ({"files": (RemoteFile("https://example.org/a", "a", checksum="abc"),)}, "neither md5"),
    ],
)
def test_a_download_that_breaks_the_contract_is_told(change: dict[str, Any], sentence: str) -> None:
    good = corpus_of(files=(RemoteFile("https://example.org/a", "a"),))
    assert good.download and corpus_problem(good, "free_words") is None
    problem = corpus_problem(replace(good, download=replace(good.download, **change)), "free_words")
    assert problem and sentence in problem
