"""Which clips files, folders, patterns, tables, URLs and datasets of the Hub stand for."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from support.object_store import BUCKET, ObjectStore, object_store

from emozoo import EmozooError
from emozoo.bulk.listing import list_sources
from emozoo.bulk.opening import Unopened, open_sources
from emozoo.bulk.remote import safe_name
from emozoo.bulk.shard import Shard
from emozoo.bulk.source import Source
from emozoo.inference.clips import Clip

NAMES = ["calls/a.wav", "calls/deep/b.WAV", "calls/deep/c d.mp3", "calls/notes.txt", "calls/.hidden/e.wav"]


def sound() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(8000)), 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound())
    return tmp_path


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as found:
        for name in NAMES:
            found.file_system().pipe_file(f"{BUCKET}/{name}", sound())
        yield found


def names(*given: str) -> list[str]:
    return [source.file for source in list_sources(given)]


def test_a_folder_and_a_pattern_have_the_same_clips_here_and_in_an_object_store(
    folder: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for pattern in ("calls", "calls/**.wav", "calls/**/*.wav", "calls/deep/*", "calls/a.wav", "calls/[ax].wav"):
        here = [f"s3://{BUCKET}/{name}" for name in names(pattern)]
        there = names(f"s3://{BUCKET}/{pattern}")
        assert here and there == here, pattern
    assert names("calls/**.wav")[0] == "calls/a.wav"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (f"s3://{BUCKET}/none/*.wav", "no file matches s3://calls/none/*.wav"),
        (f"s3://{BUCKET}/none/", "no media files in s3://calls/none/"),
        ("s3://nobody/*.wav", "s3://nobody"),
        ("nosuch://x/*.wav", "nothing opens nosuch://"),
        ("simplecache::s3://calls/a.wav", "chains two places"),
        ("file:///etc/passwd", "without file://"),
        ("hub:no", "no repository of the Hub"),
    ],
)
def test_what_cannot_be_listed_is_a_sentence(place: str, sentence: str, store: ObjectStore) -> None:
    with pytest.raises(EmozooError, match="[^\n]+") as error:
        list_sources([place])
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_names_files_beside_it(kind: str, folder: Path, store: ObjectStore) -> None:
    named = ["a.wav", "deep/c d.mp3", "a.wav"]
    table = folder / "calls" / f"table.{kind}"
    if kind == "csv":
        table.write_text("id;Audio File\n" + "".join(f"{number};{name}\n" for number, name in enumerate(named)))
    elif kind == "jsonl":
        table.write_text("".join(json.dumps({"path": name}) + "\n" for name in named))
    else:
        pictures = [b"a", b"b", b"c"]  # bytes that are no recordings
        pq.write_table(pa.table({"picture": pictures, "audio_path": named}), table)
    assert names(str(table)) == [str(folder / "calls" / name) for name in named[:2]]
    store.file_system().pipe_file(f"{BUCKET}/calls/table.{kind}", table.read_bytes())
    assert names(f"s3://{BUCKET}/calls/table.{kind}") == [f"s3://{BUCKET}/calls/{name}" for name in named[:2]]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.wav", "deep/../../x.wav", "~/x.wav", "file:///etc/passwd", ".."]
)
def test_a_table_from_elsewhere_names_nothing_of_this_machine_and_nothing_outside_its_folder(
    name: str, store: ObjectStore
) -> None:
    store.file_system().pipe_file(f"{BUCKET}/hostile.csv", f"file\n{name}\n".encode())
    with pytest.raises(EmozooError, match="beside it"):
        list_sources([f"s3://{BUCKET}/hostile.csv"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id,label\n1,happy\n", "no column file"),
        ("file,start,end\na.wav,0,1\n", "stretches of files"),
        ("file\n", "has no rows"),
        ("file,id\na.wav,1\n,2\n", "row 2"),
        ("file,id\na.wav,1,3\n", "line 2"),
    ],
)
def test_a_table_without_files_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    table = tmp_path / "ä table.csv"
    table.write_text(text)
    with pytest.raises(EmozooError, match=sentence):
        list_sources([str(table)])


def test_a_parquet_file_holds_recordings_each_row_a_clip_with_its_bytes(tmp_path: Path) -> None:
    clips = [{"bytes": sound() + bytes([number]), "path": "same.wav"} for number in range(7)]
    clips[4] = {"bytes": None, "path": "gone.wav"}
    table = tmp_path / "train-00000.parquet"
    pq.write_table(pa.table({"label": list(range(7)), "audio": clips}), table, row_group_size=3)
    sources = list_sources([str(table)])
    assert [source.file for source in sources] == [f"{table}#{row}" for row in range(7)]
    for row, clip in enumerate(open_sources([*sources, sources[0]])):
        if row == 4:
            assert isinstance(clip, Unopened) and "holds no recording" in clip.error
            continue
        assert isinstance(clip, Clip) and clip.path and clip.name == sources[row % 7].file
        assert Path(clip.path).read_bytes() == clips[row % 7]["bytes"]
        clip.close()


def test_a_dataset_of_the_hub_is_its_media_or_its_parquet_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = fsspec.filesystem("memory")
    monkeypatch.setattr("emozoo.bulk.listing.file_system", lambda place: (files, place.replace("hf://", "/")))
    for name in ("x/a.wav", "x/b.flac", "x/README.md"):
        files.pipe_file(f"/datasets/user/{name}", b"")
    files.pipe_file("/datasets/user/y@v1/data/0.parquet", b"")
    assert len(list_sources(["hub:user/x"])) == 2
    monkeypatch.setattr("emozoo.bulk.listing.sources_of_table", lambda place: [Source(f"{place}#0", place, 0)])
    (only,) = list_sources(["hub:user/y@v1"])
    assert only.row == 0 and only.place.startswith("hf://") and only.place.endswith("y@v1/data/0.parquet")
    with pytest.raises(EmozooError, match="no media files in hub:user/z"):
        list_sources(["hub:user/z"])


def test_what_is_fetched_is_the_file_and_is_deleted_with_its_clip(store: ObjectStore) -> None:
    given = [Source(f"s3://{BUCKET}/{name}", f"s3://{BUCKET}/{name}") for name in (*NAMES[:3], "none.wav")]
    *clips, missing = open_sources(given)
    assert isinstance(missing, Unopened) and "s3://calls/none.wav does not exist" in missing.error
    for clip in clips:
        assert isinstance(clip, Clip) and clip.path and Path(clip.path).read_bytes() == sound()
        clip.close()
        assert not Path(clip.path).exists()


def test_output_never_shows_what_signs_an_address() -> None:
    assert safe_name("https://me:secret@host/a.wav?X-Amz-Signature=secret#secret") == "https://host/a.wav"
    assert safe_name("https://hf_secret@host/a.wav") == "https://host/a.wav"
    assert safe_name("s3://key:secret@bucket/what?.wav") == "s3://bucket/what?.wav"
    assert safe_name("a ? file.wav") == "a ? file.wav"
    for place in ("abfs://calls@account.dfs.core.windows.net/a.wav", "hf://datasets/user/name@v1/a.wav"):
        assert safe_name(place) == place


def test_two_addresses_of_one_name_are_refused_and_not_taken_for_one() -> None:
    assert len(list_sources(["https://host/a?id=1", "https://host/a?id=1"])) == 1
    with pytest.raises(EmozooError, match="https://host/a stands for two addresses"):
        list_sources(["https://host/a?id=1", "https://host/a?id=2"])


@given(st.lists(st.integers(), max_size=50), st.integers(1, 60))
def test_shares_are_equal_and_hold_each_item_once(items: list[int], of: int) -> None:
    shares = [Shard.parse(f"{number}/{of}").share(items) for number in range(1, of + 1)]
    assert sorted(item for share in shares for item in share) == sorted(items)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "1/0", "-1/8", "1/8/2", "a/b", "1.5/8"])
def test_no_share_is_a_sentence(text: str) -> None:
    with pytest.raises(EmozooError, match="as in 3/8"):
        Shard.parse(text)
