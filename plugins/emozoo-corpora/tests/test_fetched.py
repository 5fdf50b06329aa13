"""Corpora that `emozoo fetch` downloads: what is made of the Hub's files, and of the lists that other places give."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
from emozoo_corpora import acted, cameo, crema_d, emo_db, emozionalmente, nemo
from support import hub_server
from support.make_media import tone, write_sound
from support.plugin_site import installed
from support.publishing import environment

from emozoo import EmozooError
from emozoo.data.corpus import Corpus, corpus_problem
from emozoo.data.rows import read_rows

FREE = (
    crema_d.corpus,
    emo_db.corpus,
    emozionalmente.corpus,
    nemo.corpus,
    cameo.corpus,
    acted.tess,
    acted.subesco,
    acted.cafe,
)


@pytest.fixture(scope="module", autouse=True)
def plugin() -> Iterator[None]:
    with installed("emozoo-corpora"):
        yield


def files_of(corpus: Corpus, answer: Any) -> list[tuple[str, str, int | None, str, bool]]:
    assert corpus.download and corpus.download.listing
    return [
        (each.address, each.name, each.size, each.checksum, each.unpack)
        for each in corpus.download.listing.read(answer)
    ]


@pytest.mark.parametrize("corpus", FREE, ids=lambda each: each.name)
def test_each_says_where_it_is_and_on_which_terms(corpus: Corpus) -> None:
    assert corpus.download and corpus_problem(corpus, corpus.name) is None


def test_a_record_of_zenodo_gives_sizes_and_checksums() -> None:
    md5 = "0" * 32
    answer = {
        "files": [
            {"key": "emodb.zip", "size": 41_000_000, "checksum": f"md5:{md5}", "links": {"self": "http://elsewhere"}},
            {"key": "read me.txt", "size": 3, "checksum": f"md5:{md5}"},
        ]
    }
    address = "https://zenodo.org/api/records/7447302/files/emodb.zip/content"
    assert files_of(emo_db.corpus, answer) == [(address, "emodb.zip", 41_000_000, f"md5:{md5}", True)]


def test_a_dataset_of_a_dataverse_gives_sizes_and_checksums() -> None:
    file = {"id": 7, "filename": "OAF_back_ps.wav", "filesize": 9, "checksum": {"type": "MD5", "value": "A" * 32}}
    told = {"restricted": False, "directoryLabel": "OAF", "dataFile": file}
    address = "https://borealisdata.ca/api/access/datafile/7"
    assert files_of(acted.tess, {"data": [told]}) == [(address, "OAF/OAF_back_ps.wav", 9, f"md5:{'a' * 32}", False)]
    with pytest.raises(EmozooError, match="restricted"):
        files_of(acted.tess, {"data": [{**told, "restricted": True}]})


def test_of_crema_d_recordings_and_tables_are_wanted() -> None:
    names = [
        "AudioMP3/1.mp3",
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "VideoDemographics.csv",
        "processedResults/tabulatedVotes.csv",
    ]
    tree = [{"path": name, "type": "blob", "size": 130} for name in names] + [{"path": "AudioWAV", "type": "tree"}]
    assert [name for _, name, *_ in files_of(crema_d.corpus, {"tree": tree, "truncated": False})] == names[1:]
    assert files_of(crema_d.corpus, {"tree": tree, "truncated": True})
    with pytest.raises(EmozooError, match="does not list all files"):
        files_of(crema_d.corpus, {"tree": tree[:2], "truncated": True})


def sound(number: int, folder: Path) -> bytes:
    return write_sound(folder / f"{number}.wav", tone(0.2, 16_000, hertz=200 + 20 * number), 16_000).read_bytes()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data.getvalue()


def fetched(name: str, repository: str, files: dict[str, bytes], folder: Path) -> dict[str, Any]:
    """What the command prints, with a Hub that has these files and asks for no token."""
    with hub_server.running() as hub:
        hub.datasets[repository] = hub_server.Repo(repository)
        hub.datasets[repository].commit(dict(files), "first")
        changed = {**os.environ, **environment(hub, Path(f"{folder}-home"), None)}
        command = [sys.executable, "-m", "emozoo", "fetch", name, "--output", str(folder), "--accept", "--json"]
        for _ in range(2):
            done = subprocess.run(command, env=changed, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        assert sum("/resolve/" in path and path.endswith(".parquet") for path in hub.paths()) <= len(files)
    return json.loads(done.stdout)


def test_cameo_comes_from_the_hub_with_speakers_languages_and_corpora(tmp_path: Path) -> None:
    def line(number: int, **told: Any) -> dict[str, Any]:
        audio = {"bytes": sound(number, tmp_path), "path": None}
        usual = {"file_id": f"{number:064x}.wav", "transcription": "Cinq pumas", "gender": "female", "age": "37"}
        return {"audio": audio, **usual, **told}

    parts = {
        "data/cafe-00000-of-00001.parquet": parquet(
            [
                line(1, emotion="anger", speaker_id="cafe_12", dataset="CaFE", language="French"),
                line(
                    2, emotion="sadness", speaker_id="cafe_12", dataset="CaFE", language="French", file_id="../../out"
                ),
            ]
        ),
        "data/mesd-00000-of-00001.parquet": parquet(
            [line(3, emotion="neutral", speaker_id=None, dataset="MESD", language="Spanish", gender="male", age=None)]
        ),
        "README.md": b"# CAMEO",
    }
    told = fetched("cameo", "amu-cai/CAMEO", parts, tmp_path / "cameo")
    assert told["state"] == "present" and told["files"] == 4
    assert not list(tmp_path.rglob("*.parquet")) and not list(tmp_path.rglob("out*"))
    rows = read_rows(cameo.corpus, tmp_path / "cameo", tmp_path / "cache").to_list()
    found = [tuple(row[name] for name in ("corpus", "speaker", "gender", "age", "language", "emotion")) for row in rows]
    assert sorted(found) == [
        ("cafe", "cafe_12", "F", "37", "fr", "angry"),
        ("cafe", "cafe_12", "F", "37", "fr", "sad"),
        ("mesd", "", "M", "", "es", "neutral"),
    ]
    assert all(Path(row["audio_path"]).read_bytes().startswith(b"RIFF") for row in rows)


def test_nemo_comes_from_the_hub_in_its_authors_layout(tmp_path: Path) -> None:
    def line(number: int, speaker: str, text: str, path: str | None = None) -> dict[str, Any]:
        audio = {"bytes": sound(number, tmp_path), "path": path}
        return {
            "audio": audio,
            "emotion": "anger",
            "raw_text": text,
            "speaker_id": speaker,
            "gender": "male",
            "age": "23",
        }

    rows = [
        line(1, "WR0", "Żaba skacze."),
        line(2, "KS0", "Żaba skacze."),
        line(3, "KS0", "Ala\tma", "KS0_anger_41.wav"),
    ]
    fetched("nemo", "amu-cai/nEMO", {"data/train-00000-of-00001.parquet": parquet(rows)}, tmp_path / "nemo")
    read = read_rows(nemo.corpus, tmp_path / "nemo", tmp_path / "cache").to_list()
    assert [(row["utterance_id"], row["transcript"], row["age"], row["emotion"]) for row in read] == [
        ("KS0_anger_2", "Żaba skacze.", "23", "angry"),
        ("KS0_anger_41", "Ala ma", "23", "angry"),
        ("WR0_anger_2", "Żaba skacze.", "23", "angry"),
    ]
    assert read[0]["sentence"] == read[2]["sentence"]


def test_a_table_of_cameo_that_is_damaged_costs_its_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.wav").write_bytes(b"not opened here")
    good = {"split": "emns", "file": "a.wav", "emotion": "Sarcasm", "speaker_id": "1", "language": "English"}
    lines = [json.dumps(good), "{", "[]", json.dumps({**good, "file": "gone.wav"})]
    (tmp_path / "cameo.jsonl").write_text("\n".join(lines))
    rows = read_rows(cameo.corpus, tmp_path, tmp_path / "cache").to_list()
    assert [(row["speaker"], row["emotion"], row["language"]) for row in rows] == [("emns_1", "sarcastic", "en")]
    assert "2 lines of cameo.jsonl cannot be read" in caplog.text and "1 recordings are missing" in caplog.text
    (empty := tmp_path / "deep" / "empty").mkdir(parents=True)
    with pytest.raises(EmozooError, match="emozoo fetch cameo"):
        read_rows(cameo.corpus, empty, tmp_path / "cache")
