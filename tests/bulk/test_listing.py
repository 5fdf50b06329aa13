"""Which clips files, folders, patterns, tables, URLs and datasets of the Hub stand for."""

import errno
import io
import json
import os
import shutil
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
from emozoo.bulk import opening
from emozoo.bulk.listing import list_sources
from emozoo.bulk.opening import Unopened, open_sources
from emozoo.bulk.remote import safe_name
from emozoo.bulk.shard import Shard
from emozoo.bulk.source import Source, beside
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
    with pytest.raises(EmozooError, match="not beside it|lies elsewhere"):
        list_sources([f"s3://{BUCKET}/hostile.csv"])


@pytest.mark.parametrize(
    ("table", "name", "place"),
    [
        ("s3://public/t/list.csv", "s3://private/a.wav", None),
        ("s3://public/t/list.csv", "s3://public/t/../a.wav", None),
        ("s3://public/t/list.csv", "s3://public/u/a.wav", None),
        ("s3://public/t/list.csv", "s3://public/t/deep/a?.wav", "s3://public/t/deep/a?.wav"),
        ("s3://public/t/list.csv", "a %2e#1.wav", "s3://public/t/a %2e#1.wav"),
        ("https://host:80/t/list.csv", "https://host:81/t/a.wav", None),
        ("https://host/t/list.csv", "https://host.evil/t/a.wav", None),
        ("https://host/t/list.csv", "http://host/t/a.wav", None),
        ("https://host/t/list.csv", "https://host/t/%2e%2e/a.wav", None),
        ("https://host/t/list.csv", "https://host/t/a.wav?id=1", "https://host/t/a.wav?id=1"),
        ("https://host/t/list.csv?sig=a/b", "deep\\a#1 100%25.wav", "https://host/t/deep/a%231%20100%2525.wav"),
        ("https://host/t/list.csv", "%2e%2e/a.wav", "https://host/t/%252e%252e/a.wav"),
        ("hf://datasets/user/name@v1/list.csv", "hf://datasets/user/other/a.wav", None),
    ],
)
def test_a_table_from_elsewhere_names_files_of_its_folder_whatever_their_names(
    table: str, name: str, place: str | None
) -> None:
    if place is not None:
        assert beside(table, name) == place
        return
    with pytest.raises(EmozooError, match="names files in its folder"):
        beside(table, name)


def test_a_table_of_this_machine_may_be_written_on_windows_or_a_mac(folder: Path) -> None:
    shutil.copy(folder / "calls" / "a.wav", folder / "gr\u00fc\u00df.wav")
    table = folder / "list.csv"
    table.write_text("file\ncalls\\deep\\c d.mp3\ngru\u0308\u00df.wav\n~no-such-user/x.wav\nnone\\here.wav\n")
    assert names(str(table)) == [
        str(folder / "calls/deep/c d.mp3"),
        str(folder / "gr\u00fc\u00df.wav"),
        str(folder / "~no-such-user/x.wav"),
        str(folder / "none\\here.wav"),
    ]


@pytest.mark.parametrize("text", ["file\nWelt, gr\u00fcn.wav\n", "file\tsaid, or not\nWelt, gr\u00fcn.wav\tno\n"])
def test_tabs_separate_the_fields_of_a_tsv_file_and_commas_do_not(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(text)
    assert names(str(tmp_path / "list.tsv")) == [str(tmp_path / "Welt, gr\u00fcn.wav")]


def test_parquet_tables_name_files_in_any_type_of_text_and_stretches_are_refused(tmp_path: Path) -> None:
    names_of = pa.array(["a.wav", "b.wav"])
    for kind in (pa.string_view(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        pq.write_table(pa.table({"file": names_of.cast(kind)}), tmp_path / "list.parquet")
        assert names(str(tmp_path / "list.parquet")) == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]
    pq.write_table(pa.table({"file": names_of, "start": [0.0, 1.0], "end": [1.0, 2.0]}), tmp_path / "list.parquet")
    with pytest.raises(EmozooError, match="names stretches of files, by a column for the start and end"):
        list_sources([str(tmp_path / "list.parquet")])
    pq.write_table(pa.table({"audio": pa.array([], pa.binary())}), tmp_path / "list.parquet")
    with pytest.raises(EmozooError, match="has no rows"):
        list_sources([str(tmp_path / "list.parquet")])


def test_a_storage_that_is_gone_ends_the_run_and_a_place_that_is_gone_is_a_row(
    store: ObjectStore, tmp_path: Path
) -> None:
    good = [Source.of(f"s3://{BUCKET}/{name}") for name in NAMES[:3]]
    gone = [Source.of(f"http://127.0.0.1:9/{number}.wav") for number in range(opening.MOST_UNREACHED)]
    few = gone[: opening.LAST_UNREACHED - 1]
    given = [*few, good[0], *gone[:-1], good[1], *few]
    clips = list(open_sources(given))
    assert [clip.name if isinstance(clip, Clip) else clip.file for clip in clips] == [each.file for each in given]
    assert [clip.unreached for clip in clips if isinstance(clip, Unopened)] == [True] * (len(given) - 2)
    for ending in (gone, gone[: opening.LAST_UNREACHED]):
        with pytest.raises(EmozooError, match="nothing is kept of these: the same command tries them again"):
            list(open_sources([good[0], *ending]))
    for clip in clips:
        if isinstance(clip, Clip):
            clip.close()


def test_a_full_disk_is_no_fault_of_a_clip(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.file_system(), "get_file", full)
    with pytest.raises(OSError, match="No space left"):
        list(open_sources([Source.of(f"s3://{BUCKET}/{NAMES[0]}")]))


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
def test_shares_hold_each_item_once_whatever_the_others_are(items: list[int], of: int) -> None:
    shards = [Shard.parse(f"{number:02}/{of}") for number in range(1, of + 1)]
    shares = [shard.share(items, str) for shard in shards]
    assert sorted(item for share in shares for item in share) == sorted(items)
    assert [shard.share([0, *items[::-1]], str) for shard in shards] == [
        [*shard.share([0], str), *share[::-1]] for shard, share in zip(shards, shares, strict=True)
    ]


def test_shares_of_many_are_about_equal() -> None:
    shares = [Shard(number, 8).share([f"calls/{each}.wav" for each in range(8000)], str) for number in range(1, 9)]
    assert all(900 < len(share) < 1100 for share in shares)


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "1/0", "-1/8", "1/8/2", "a/b", "1.5/8"])
def test_no_share_is_a_sentence(text: str) -> None:
    with pytest.raises(EmozooError, match="as in 3/8"):
        Shard.parse(text)
