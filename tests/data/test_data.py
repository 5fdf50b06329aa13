"""From a dataset's name to decoded clips: labels, the cache, and what is said when something is missing."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
import torch
from support.make_media import grey, tone, write_sound, write_video

from emozoo.data import load_dataset
from emozoo.data.corpora.manifest import corpus as manifest
from emozoo.data.corpora.ravdess import corpus as ravdess
from emozoo.data.corpus import FEATURES, MAY_LACK, Corpus, row
from emozoo.data.decode_task import FRAMES, SOUND, ClipSource, Task
from emozoo.data.decoding import CLIPS_A_TASK, SECONDS_A_TASK, _tasks
from emozoo.data.rows import read_rows
from emozoo.data.store import ClipStore
from emozoo.errors import EmozooError
from emozoo.media.decoder import Decoder, Video
from emozoo.media.reading import read_audio
from emozoo.media.window_shape import DEFAULT_WINDOW, FrameGrid, WindowShape

VERSION = datasets.Version("1.0.0")


class Listed(datasets.GeneratorBasedBuilder):
    """Rows from a JSON file, {split: [row, ...]}: the least that a third party's corpus is."""

    VERSION = VERSION

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        splits = json.loads(Path(self.config.data_dir).read_text())
        return [datasets.SplitGenerator(name=name, gen_kwargs={"rows": tuple(rows)}) for name, rows in splits.items()]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, known in enumerate(rows):
            if "raise" in known:
                raise EmozooError(known["raise"])
            yield number, row(**known)


class Lacking(Listed):
    """Rows without some columns."""

    LACKS: tuple[str, ...] = ("speaker",)

    def _info(self) -> datasets.DatasetInfo:
        known = {name: feature for name, feature in FEATURES.items() if name not in self.LACKS}
        return datasets.DatasetInfo(features=datasets.Features(known))

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, known in enumerate(rows):
            yield number, {name: value for name, value in row(**known).items() if name not in self.LACKS}


class Older(Lacking):
    """Without the columns that a builder may leave out."""

    LACKS = MAY_LACK


listed = Corpus(name="listed", builder=Listed)


def write_rows(path: Path, **splits: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(splits))
    return path


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A table of four short sounds, each of its own length and pitch."""
    lines = ["file,label,speaker"]
    for number, label in enumerate(["happy", "sad", "excited", "sad"]):
        write_sound(tmp_path / f"ö {number}.wav", tone(0.5 + 0.1 * number, 16_000, hertz=200 + 100 * number), 16_000)
        lines.append(f"ö {number}.wav,{label},anna")
    (tmp_path / "my.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "my.csv"


def decodings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """How often, and how many clips, were decoded since the last call."""
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("decoding ")]
    caplog.clear()
    return told


# What a dataset holds


def test_columns(clips: Path, cache: Path) -> None:
    dataset = load_dataset(manifest, clips, ["sad", "happy"], cache_dir=cache)
    assert dataset.column_names == [*FEATURES, "label", "waveform", "digest"]
    assert dataset.features["label"] == datasets.ClassLabel(names=["sad", "happy"])
    assert dataset["emotion"][:] == ["happy", "sad", "sad"]
    assert dataset["label"][:] == [1, 0, 0]
    assert [len(waveform) for waveform in dataset["waveform"]] == [8000, 9600, 12_800]
    assert dataset.features["waveform"] == datasets.List(datasets.Value("int16"))
    expected = np.round(read_audio(clips.parent / "ö 3.wav") * 32768)
    assert np.array_equal(dataset[2]["waveform"], expected)
    assert np.abs(expected).max() > 10_000


def test_loud_sound_is_clipped_not_wrapped(tmp_path: Path, cache: Path) -> None:
    sound = np.array([[1.5], [-1.5], [1.0], [-1.0], [0.5], [-0.5]] * 1000, np.float32)
    write_sound(tmp_path / "a.wav", sound, 16_000, subtype="FLOAT")
    write_sound(tmp_path / "b.wav", 0.5 * sound, 16_000, subtype="FLOAT")
    (tmp_path / "my.csv").write_text("file,label\na.wav,x\nb.wav,y\n")
    dataset = load_dataset(manifest, tmp_path / "my.csv", cache_dir=cache)
    assert dataset[0]["waveform"][:5] == [32767, -32768, 32767, -32768, 16384]


def test_equal_sounds_have_equal_digests(tmp_path: Path, cache: Path) -> None:
    for name, hertz in (("a", 200), ("b", 200), ("c", 300)):
        write_sound(tmp_path / f"{name}.wav", tone(0.5, 16_000, hertz=hertz), 16_000)
    (tmp_path / "my.csv").write_text("file,label\na.wav,x\nb.wav,y\nc.wav,y\n")
    first, copy, other = load_dataset(manifest, tmp_path / "my.csv", cache_dir=cache)["digest"]
    assert first == copy != other
    assert len(first) == 32


def test_labels(clips: Path, cache: Path) -> None:
    def names(*labels: str, **merge: str) -> tuple[list[str], list[int]]:
        dataset = load_dataset(manifest, clips, labels or None, merge, cache_dir=cache)
        return dataset.features["label"].names, dataset["label"][:]

    assert names() == (["excited", "happy", "sad"], [1, 2, 0, 2])
    assert names("all") == names()
    assert names("sad", "happy") == (["sad", "happy"], [1, 0, 0])
    assert names("happy", "sad", excited="happy") == (["happy", "sad"], [0, 1, 0, 1])
    assert names(excited="joy", happy="joy") == (["joy", "sad"], [0, 1, 0, 1])
    assert names("happy", "sad", happy="sad", sad="happy") == (["happy", "sad"], [1, 0, 0])  # not one after the other


def test_a_corpus_own_labels_are_the_default(clips: Path, cache: Path) -> None:
    named = Corpus(name="named", builder=manifest.builder, labels=("sad", "excited"))
    assert load_dataset(named, clips, cache_dir=cache).features["label"].names == ["sad", "excited"]
    assert len(load_dataset(named, clips, ["all"], cache_dir=cache)) == 4


def test_of_a_part_of_a_corpus_the_default_labels_that_are_there(
    clips: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    named = Corpus(name="named", builder=manifest.builder, labels=("sad", "angry", "excited"))
    assert load_dataset(named, clips, cache_dir=cache).features["label"].names == ["sad", "excited"]
    assert "no clip of named is labelled angry: its labels here are sad, excited" in caplog.text
    with pytest.raises(EmozooError, match="labelled angry"):
        load_dataset(named, clips, ["sad", "angry", "excited"], cache_dir=cache)


def test_a_label_is_found_whatever_its_case(clips: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A table says Happy, and a model that is measured on it says happy."""
    clips.write_text(
        clips.read_text(encoding="utf-8").replace("happy", "Happy").replace("sad", "SAD"), encoding="utf-8"
    )
    dataset = load_dataset(manifest, clips, ["happy", "sad"], cache_dir=cache)
    assert dataset.features["label"].names == ["happy", "sad"] and dataset["label"][:] == [0, 1, 1]
    assert "labels of manifest in another spelling are read: Happy as happy, SAD as sad" in caplog.text
    assert load_dataset(manifest, clips, cache_dir=cache).features["label"].names == ["Happy", "SAD", "excited"]
    merged = load_dataset(manifest, clips, ["happy", "SAD"], {"excited": "Happy"}, cache_dir=cache)
    assert merged["label"][:] == [0, 1, 0, 1]


def test_all_splits_of_a_builder_are_read(clips: Path, cache: Path, tmp_path: Path) -> None:
    sounds = [str(clips.parent / f"ö {number}.wav") for number in range(3)]
    path = write_rows(
        tmp_path / "rows.json",
        train=[{"audio_path": sounds[0], "emotion": "a"}, {"audio_path": sounds[1], "emotion": "b"}],
        empty=[],
        test=[{"audio_path": sounds[2], "emotion": "a"}, {"audio_path": sounds[2], "emotion": ""}],
    )
    assert load_dataset(listed, path, cache_dir=cache)["label"][:] == [0, 1, 0]


def test_start_and_end_cut_a_file(tmp_path: Path, cache: Path) -> None:
    levels = np.repeat(np.arange(8, dtype=np.float32) / 16, 8000)[:, None]  # steps of half a second
    sound = levels * np.tile([[1], [-1]], (32_000, 1))
    write_sound(tmp_path / "a.wav", sound, 16_000)
    lines = ["file,label,start,end", "a.wav,x,3.0,3.5", "a.wav,y,1,2", "a.wav,x,3.5,", "a.wav,x,,0.5"]
    (tmp_path / "my.csv").write_text("\n".join(lines))
    dataset = load_dataset(manifest, tmp_path / "my.csv", cache_dir=cache)
    assert dataset["start"][:] == [-1.0, 1.0, 3.0, 3.5]  # rows of one file in order of time, each with its own sound
    levels = [(len(waveform), waveform[0] // 2048, -waveform[-1] // 2048) for waveform in dataset["waveform"]]
    assert levels == [(8000, 0, 0), (16_000, 2, 3), (8000, 6, 6), (8000, 7, 7)]


# Video


def two_people(path: Path) -> Path:
    """A film in IEMOCAP's measures: dark grey on the left, growing brighter; light grey on the right, growing darker."""

    def picture(number: int) -> np.ndarray:
        whole = grey(720, 480, 0)
        whole[112:368, :360] = 40 + number
        whole[112:368, 360:] = 200 - number
        return whole

    return write_video(path, picture, count=50, fps=25, sound=tone(2.0, 16_000, hertz=800), rate=16_000)


def test_frames_are_the_speakers_half_from_the_start_in_the_film(tmp_path: Path, cache: Path) -> None:
    film = str(two_people(tmp_path / "film.avi"))
    rows = []
    for number, (side, start) in enumerate([("left", 0.0), ("right", 0.0), ("left", 1.0)]):
        sound = write_sound(tmp_path / f"{number}.wav", tone(0.7, 16_000), 16_000)
        rows.append({"audio_path": str(sound), "video_path": film, "start": start, "end": start + 0.7, "side": side})
        rows[-1]["emotion"] = side
    dataset = load_dataset(listed, write_rows(tmp_path / "rows.json", train=rows), cache_dir=cache, video=True)
    store = ClipStore(dataset)
    assert [store.length(number) for number in range(3)] == [11_200] * 3  # the utterance's own sound, whole
    for number, (side, start) in enumerate(zip(dataset["side"], dataset["start"], strict=True)):
        frames = store.frames(number)
        assert frames is not None and frames.shape == (5, 60, 100, 3)
        middle = frames[:, 20:40, 40:60].mean(axis=(1, 2, 3))
        shown = np.floor((start + (np.arange(5) + 0.5) * 0.15) * 25 + 1e-6)
        assert middle == pytest.approx(40 + shown if side == "left" else 200 - shown, abs=4)


def test_sound_only_needs_no_picture_of_a_film_row(tmp_path: Path, cache: Path) -> None:
    sound = str(write_sound(tmp_path / "a.wav", tone(0.7, 16_000), 16_000))
    known = {"audio_path": sound, "video_path": str(tmp_path / "gone.avi"), "start": 30.0, "end": 30.7}
    path = write_rows(tmp_path / "rows.json", train=[{**known, "emotion": "a"}, {**known, "emotion": "b"}])
    dataset = load_dataset(listed, path, cache_dir=cache)
    assert [len(waveform) for waveform in dataset["waveform"]] == [11_200, 11_200]
    with pytest.raises(EmozooError, match=r"none of the 2 clips can be decoded: .*gone.avi does not exist"):
        load_dataset(listed, path, cache_dir=cache, video=True)


def test_rows_without_video_are_left_out(clips: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(EmozooError, match="no clip of manifest has a video"):
        load_dataset(manifest, clips, cache_dir=cache, video=True)
    for name, label in (("v.mp4", "happy"), ("w.mp4", "sad")):
        write_video(clips.parent / name, [grey(100, 60, 90)] * 25, sound=tone(1.0, 16_000), rate=16_000)
        clips.write_text(clips.read_text(encoding="utf-8") + f"\n{name},{label},anna", encoding="utf-8")
    dataset = load_dataset(manifest, clips, ["happy", "sad"], cache_dir=cache, video=True)
    assert len(dataset) == 2
    assert "3 of the 5 clips of manifest have no video" in caplog.text
    assert dataset.features["frames"] == datasets.List(datasets.Value("uint8"))
    assert len(dataset[0]["frames"]) == -(-len(dataset[0]["waveform"]) // 2400) * 60 * 100 * 3
    assert len(load_dataset(manifest, clips, ["happy", "sad"], cache_dir=cache)) == 5


def test_toy_has_everything() -> None:
    dataset = load_dataset("toy", video=True)
    assert dataset.features["label"].names == ["happy", "sad", "angry", "neutral"]
    assert set(dataset["label"]) == {0, 1, 2, 3}
    store = ClipStore(dataset)
    for number in range(0, len(store), 7):
        frames = store.frames(number)
        assert frames is not None and len(frames) == -(-store.length(number) // 2400)
        assert frames.max() > 50


# The store


def test_store(clips: Path, cache: Path) -> None:
    dataset = load_dataset(manifest, clips, cache_dir=cache)
    store = ClipStore(dataset)
    assert len(store) == 4
    assert store.labels.tolist() == dataset["label"][:]
    for number in range(4):
        assert store.waveform(number).dtype == np.int16
        assert store.waveform(number).tolist() == dataset[number]["waveform"]
        assert store.length(number) == len(dataset[number]["waveform"])
        assert store.frames(number) is None
    sound, frames = store.window(3, 4800)
    assert frames is None and sound.shape == (8_000,) and sound.dtype == np.int16
    assert sound.tolist() == dataset[3]["waveform"][4800:]
    assert not store.waveform(0).flags.writeable and not store.waveform(0).flags.owndata  # a view on the mapped file
    for beyond in (4, -1):
        with pytest.raises(IndexError):
            store.waveform(beyond)
    with pytest.raises(ValueError, match="selected rows"):
        ClipStore(dataset.select([2, 0]))


@pytest.mark.parametrize(
    ("video", "shape"),
    [
        (False, DEFAULT_WINDOW),
        (True, DEFAULT_WINDOW),
        (False, WindowShape(5.0)),
        (True, WindowShape(2.0, 0.5, (8, 30, 40))),
    ],
)
def test_a_batch_holds_the_windows_that_were_asked_for_wherever_they_are_cut(video: bool, shape: WindowShape) -> None:
    from emozoo.data.resident import ResidentClips

    store = ClipStore(load_dataset("toy", video=video, window=shape), shape.grid)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(store), 24)
    last = np.array([max(store.length(row) - shape.samples, 0) // shape.samples_per_frame for row in rows])
    starts = rng.integers(0, last + 1) * shape.samples_per_frame
    starts[:2] = [store.length(row) - 1 for row in rows[:2]]  # a window that is almost empty
    cpu = torch.device("cpu")
    sound, frames, lengths = store.batch(rows, starts, cpu, shape)
    there, pictures, ends = ResidentClips(store, cpu).windows(rows, starts, shape)
    assert torch.equal(sound, there) and sound.shape == (24, shape.samples)
    assert torch.equal(lengths, ends) and lengths[:2].tolist() == [1, 1]
    for number, (clip, start) in enumerate(zip(rows, starts, strict=True)):
        waveform, expected = store.window(clip, start, shape)
        assert (sound[number, : len(waveform)] * 32768).tolist() == waveform.tolist()
        assert not sound[number, len(waveform) :].any() and lengths[number] == len(waveform)
        if video:
            assert frames is not None and pictures is not None and expected is not None
            assert expected.shape == (*shape.frames, 3)
            assert torch.equal(frames[number], pictures[number])
            np.testing.assert_array_equal(frames[number].numpy(), expected)
        else:
            assert frames is pictures is None


def test_frames_of_another_size_than_were_decoded_are_not_cut() -> None:
    store = ClipStore(load_dataset("toy", video=True))
    with pytest.raises(ValueError, match="loaded with frames of"):
        store.batch(np.array([0]), np.array([0]), torch.device("cpu"), WindowShape(frames=(16, 112, 112)))


# The cache


def test_second_time_nothing_is_decoded(clips: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*.arrow")}

    first = load_dataset(manifest, clips, cache_dir=cache)
    assert decodings(caplog) == ["decoding 4 clips"]
    before = state()
    again = load_dataset(manifest, clips, cache_dir=cache)
    other_labels = load_dataset(manifest, clips, ["sad", "happy"], {"excited": "happy"}, cache_dir=cache)
    assert decodings(caplog) == []
    assert state() == before and len(before) == 1
    assert again["digest"][:] == other_labels["digest"][:] == first["digest"][:]
    assert other_labels["label"][:] == [1, 0, 1, 0]


def test_a_changed_file_is_decoded_again(clips: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = load_dataset(manifest, clips, cache_dir=cache)["digest"][:]
    changed = clips.parent / "ö 1.wav"
    size = changed.stat().st_size
    write_sound(changed, tone(0.6, 16_000, hertz=900), 16_000)
    assert changed.stat().st_size == size
    after = load_dataset(manifest, clips, cache_dir=cache)["digest"][:]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True]
    assert len(decodings(caplog)) == 2


def test_a_changed_table_is_seen(clips: Path, cache: Path) -> None:
    load_dataset(manifest, clips, cache_dir=cache)
    text = clips.read_text(encoding="utf-8")
    clips.write_text(text.replace("excited", "furious"), encoding="utf-8")
    assert load_dataset(manifest, clips, cache_dir=cache)["emotion"][2] == "furious"
    clips.write_text(text.rsplit("\n", 1)[0], encoding="utf-8")
    assert len(load_dataset(manifest, clips, cache_dir=cache)) == 3


def test_damaged_clips_are_left_out_and_told_every_time(
    clips: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (clips.parent / "ö 1.wav").write_bytes(b"RIFF, but no sound")
    for _ in range(2):
        dataset = load_dataset(manifest, clips, cache_dir=cache)
        assert [Path(path).name for path in dataset["audio_path"]] == ["ö 0.wav", "ö 2.wav", "ö 3.wav"]
        assert [len(waveform) for waveform in dataset["waveform"]] == [8000, 11_200, 12_800]
        (record,) = caplog.records
        assert record.getMessage().startswith("1 of 4 clips cannot be decoded and are left out: ")
        assert "ö 1.wav" in record.getMessage()
        caplog.clear()
    for number in range(4):
        (clips.parent / f"ö {number}.wav").write_bytes(b"RIFF, but no sound")
    with pytest.raises(EmozooError, match=r"none of the 4 clips can be decoded: .*ö 0.wav.*; and 1 more"):
        load_dataset(manifest, clips, cache_dir=cache)


def test_a_builders_warnings_are_told_every_time(clips: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips.write_text(clips.read_text(encoding="utf-8") + "\ngone.wav,sad,anna", encoding="utf-8")
    for _ in range(2):
        load_dataset(manifest, clips, cache_dir=cache)
        assert [record.getMessage() for record in caplog.records if "line 6" in record.getMessage()]
        caplog.clear()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More clips than one process decodes; every seventh is damaged. The second takes long: its rate must be changed."""
    lines = ["file,label"]
    for number in range(2 * CLIPS_A_TASK):
        rate = 44_100 if number == 1 else 16_000
        path = write_sound(tmp_path / f"{number}.wav", tone(0.3 + number / 100, rate, hertz=200 + number), rate)
        if number % 7 == 0:
            path.write_bytes(b"")
        lines.append(f"{number}.wav,{'ab'[number % 2]}")
    (tmp_path / "my.csv").write_text("\n".join(lines))
    return tmp_path / "my.csv"


LOAD = (
    "import logging, sys; logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(message)s')\n"
    "from emozoo.data.loading import load_dataset\n"
    "print('rows', len(load_dataset('manifest', sys.argv[1])))"
)


def start(path: Path, cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "EMOZOO_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, path], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_many_processes_give_each_clip_its_own_row(many: Path, cache: Path) -> None:
    dataset = load_dataset(manifest, many, cache_dir=cache)
    numbers = [int(Path(path).stem) for path in dataset["audio_path"]]
    assert numbers == [number for number in range(2 * CLIPS_A_TASK) if number % 7]
    lengths = [len(waveform) for waveform in dataset["waveform"]]
    assert lengths == pytest.approx([16_000 * (0.3 + number / 100) for number in numbers], abs=2)


def test_two_processes_at_once_decode_once(many: Path, cache: Path) -> None:
    outputs = [process.communicate(timeout=120)[0] for process in [start(many, cache), start(many, cache)]]
    assert all("rows 54" in output for output in outputs), outputs
    assert sum(output.count("decoding 64 clips") for output in outputs) == 1


def test_a_killed_decoding_leaves_nothing_that_loads_half(many: Path, cache: Path) -> None:
    process = start(many, cache)
    while not list((cache / "clips").glob(".manifest-*")):
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=60)
    assert not list(cache.rglob("manifest-*.arrow"))
    assert len(load_dataset(manifest, many, cache_dir=cache)) == 54
    assert not list((cache / "clips").glob(".*"))


def test_a_cache_that_cannot_be_written(clips: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmozooError, match=r"cannot write the cache folder .*file.*clips .*EMOZOO_CACHE"):
        load_dataset(manifest, clips, cache_dir=tmp_path / "file")
    with pytest.raises(EmozooError, match=r"cannot write the cache folder .*file.*made .*EMOZOO_CACHE"):
        load_dataset("toy", cache_dir=tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_gives_what_it_holds(clips: Path, cache: Path) -> None:
    load_dataset(manifest, clips, cache_dir=cache)
    (cache / "clips").chmod(0o500)
    try:
        assert len(load_dataset(manifest, clips, cache_dir=cache)) == 4
        (clips.parent / "ö 0.wav").touch()
        with pytest.raises(EmozooError, match="EMOZOO_CACHE"):
            load_dataset(manifest, clips, cache_dir=cache)
    finally:
        (cache / "clips").chmod(0o700)


def test_the_cache_is_where_the_environment_says(clips: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOZOO_CACHE", str(cache / "named ü"))
    load_dataset(manifest, clips)
    assert len(list((cache / "named ü" / "clips").glob("manifest-*.arrow"))) == 1


# Where the data are


def test_a_corpus_that_is_made_is_made_once_a_version(clips: Path, cache: Path) -> None:
    made = []

    def write(folder: Path) -> None:
        made.append(folder)
        (folder / "my.csv").write_text(clips.read_text(encoding="utf-8").replace("ö", str(clips.parent / "ö")))
        (folder / "my.csv").rename(folder / "metadata.csv")

    written = Corpus(name="written", builder=manifest.builder, write=write)
    for _ in range(2):
        dataset = load_dataset(written, cache_dir=cache)
        assert len(dataset) == 4
    assert len(made) == 1 and not made[0].exists()  # written elsewhere, and renamed when it was whole
    (folder,) = (cache / "made").iterdir()
    assert folder.name.startswith("written-")
    assert len(load_dataset(written, clips, cache_dir=cache)) == 4 and len(made) == 1  # data that are named come first


def test_the_environment_names_the_folder(clips: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Corpus(name="named", builder=manifest.builder, environment="EMOZOO_TEST_DATA", obtain="Ask Anna.")
    with pytest.raises(EmozooError) as caught:
        load_dataset(named, cache_dir=cache)
    for part in (
        "the dataset named needs data", "Ask Anna.", "--data-dir", "EMOZOO_TEST_DATA", "--dataset toy",
        "--dataset ravdess (free to download, audio and video)", "--dataset manifest --data-dir my.csv",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("EMOZOO_TEST_DATA", str(clips))
    assert len(load_dataset(named, cache_dir=cache)) == 4
    monkeypatch.setenv("EMOZOO_TEST_DATA", str(clips.parent / "gone"))
    with pytest.raises(EmozooError, match="gone, which EMOZOO_TEST_DATA names: there is no such"):
        load_dataset(named, cache_dir=cache)


def test_built_in_corpora_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOZOO_RAVDESS", raising=False)
    with pytest.raises(
        EmozooError, match="https://zenodo.org/records/1188976.*EMOZOO_RAVDESS.*--data-dir my.csv, or --dataset toy"
    ):
        load_dataset("ravdess")
    with pytest.raises(
        EmozooError, match="https://sail.usc.edu/iemocap/.*EMOZOO_IEMOCAP.*--dataset ravdess.*--dataset toy"
    ):
        load_dataset("iemocap")
    with pytest.raises(EmozooError, match="Write a table.*--data-dir. What runs"):
        load_dataset("manifest")


def test_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="not at .*gone, which --data-dir names: there is no such folder or file"):
        load_dataset(ravdess, tmp_path / "gone")


# Mistakes


def test_unknown_labels(clips: Path, cache: Path) -> None:
    with pytest.raises(EmozooError, match="no clip of manifest is labelled angry: its labels are excited, happy, sad"):
        load_dataset(manifest, clips, ["happy", "angry"], cache_dir=cache)
    with pytest.raises(EmozooError, match="labelled excited: its labels after merging are happy, sad"):
        load_dataset(manifest, clips, ["happy", "excited"], {"excited": "happy"}, cache_dir=cache)
    with pytest.raises(EmozooError, match="cannot merge bored: the labels of manifest are excited, happy, sad"):
        load_dataset(manifest, clips, merge={"bored": "sad"}, cache_dir=cache)
    with pytest.raises(EmozooError, match="happy is not enough to tell apart: ask for two"):
        load_dataset(manifest, clips, ["happy", "happy"], cache_dir=cache)
    assert not list(cache.rglob("*.arrow"))


def test_broken_corpora(clips: Path, cache: Path, tmp_path: Path) -> None:
    known = {"audio_path": str(clips.parent / "ö 0.wav"), "emotion": "a"}
    rows = tmp_path / "rows.json"
    with pytest.raises(EmozooError, match="^the third party says so$"):
        load_dataset(listed, write_rows(rows, train=[known, {"raise": "the third party says so"}]), cache_dir=cache)
    with pytest.raises(EmozooError, match="the dataset listed has no clips in"):
        load_dataset(listed, write_rows(rows, train=[]), cache_dir=cache)
    with pytest.raises(EmozooError, match="its rows lack the columns speaker"):
        load_dataset(Corpus(name="lacking", builder=Lacking), write_rows(rows, train=[known]), cache_dir=cache)
    older = read_rows(Corpus(name="older", builder=Older), write_rows(rows, train=[known]), cache)
    assert older.features == FEATURES and {older[name][0] for name in MAY_LACK} == {""}
    sides = [{**known, "side": "top"}, {**known, "emotion": "b"}]
    with pytest.raises(EmozooError, match="side is 'top', not one of '', 'left', 'right'"):
        load_dataset(listed, write_rows(rows, train=sides), cache_dir=cache)
    with pytest.raises(EmozooError, match="no dataset is named 'ravdes'; did you mean ravdess"):
        load_dataset("ravdes")


def test_importing_costs_neither_torch_nor_datasets() -> None:
    code = "import sys, emozoo.data.loading; print(sorted({'torch', 'datasets', 'pyarrow'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_datasets_own_remarks_are_kept_back(clips: Path, cache: Path) -> None:
    code = "import sys; from emozoo.data.loading import load_dataset; load_dataset('manifest', sys.argv[1])"
    environment = {**os.environ, "EMOZOO_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code, clips], env=environment, check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_other_frames_are_decoded_apart_and_sound_alone_only_once(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("v.mp4", "w.mp4"):
        write_video(
            tmp_path / name, lambda number: grey(112, 112, 40 + number), count=50, sound=tone(2.0, 16_000), rate=16_000
        )
    table = tmp_path / "my.csv"
    table.write_text("file,label,speaker\nv.mp4,happy,anna\nw.mp4,sad,anna\n", encoding="utf-8")
    wide = WindowShape(1.6, 0.4, (16, 112, 112))  # a frame every tenth of a second

    def load(window: WindowShape, video: bool = True) -> ClipStore:
        return ClipStore(load_dataset(manifest, table, cache_dir=cache, video=video, window=window), window.grid)

    usual, other = load(DEFAULT_WINDOW), load(wide)
    assert len(decodings(caplog)) == 2 and usual.length(0) == other.length(0)
    small, large = usual.frames(0), other.frames(0)
    assert small is not None and large is not None
    assert small.shape[1:] == (60, 100, 3) and large.shape == (wide.grid.count(other.length(0)), 112, 112, 3)
    shown = np.floor((np.arange(20) + 0.5) * 0.1 * 25 + 1e-6)
    assert large[:20].mean((1, 2, 3)) == pytest.approx(40 + shown, abs=4)
    np.testing.assert_array_equal(load(wide).frames(0), large)
    load(WindowShape(3.2, 0.4, (32, 112, 112)))  # as many a second, of the same size
    assert decodings(caplog) == []
    for window in (DEFAULT_WINDOW, wide):
        assert not load(window, video=False).has_frames
    assert len(decodings(caplog)) == 1


def test_frames_that_no_row_holds_cost_that_clip(tmp_path: Path) -> None:
    path = str(write_video(tmp_path / "v.mp4", [grey(64, 48, 90)] * 25, sound=tone(1.0, 16_000), rate=16_000))
    source = ClipSource(path, None, None, path, 0.0, "", 1.0)
    huge = Task([(0, source)], datasets.Features(SOUND | FRAMES).arrow_schema, FrameGrid(1, 512, 512))
    _, notes = huge.write(tmp_path / "part")
    assert "512 x 512 take more than 2 GiB: cut it into clips" in notes.failures["0"]


# One pass over a dialogue


def test_a_dialogue_is_opened_once_however_many_utterances_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_video(tmp_path / "v.avi", lambda number: grey(64, 48, number), count=200, sound=tone(8.0, 16_000)))
    spans = [(0.1 * number, 0.1 * number + 0.9) for number in range(60)]  # they overlap, as people talk at once
    sources = [ClipSource(path, start, end, path, start, "", end - start) for start, end in spans]
    asked = []
    real = Decoder._ask
    monkeypatch.setattr(Decoder, "_ask", lambda *words, **more: (asked.append(words[2]["do"]), real(*words, **more))[1])
    (positions,) = _tasks(sources)
    task = Task(
        [(position, sources[position]) for position in positions], datasets.Features(SOUND | FRAMES).arrow_schema
    )
    part, notes = task.write(tmp_path / "part")
    rows = pa.ipc.open_stream(part).read_all()
    assert notes.failures == {} and len(rows) == 60 and asked.count("video") == asked.count("expect") == 1
    video = Video(path)
    for (start, _), frames in zip(spans, rows.column("frames"), strict=True):
        np.testing.assert_array_equal(np.asarray(frames.values), video.frames(start, 14_400).reshape(-1))


def test_tasks_hold_whole_dialogues_and_no_more_than_memory_bears() -> None:
    def source(number: int, video: str, seconds: float = 5.0) -> ClipSource:
        return ClipSource(f"{number}.wav", None, None, video, 0.0, "", seconds)

    films = [source(number, f"{number // 100}.avi") for number in range(300)]
    assert [len(task) for task in _tasks(films)] == [100, 100, 100]
    sounds = [source(number, "") for number in range(3 * CLIPS_A_TASK)]
    assert [len(task) for task in _tasks(sounds)] == [CLIPS_A_TASK] * 3
    long = [source(number, "a.avi", SECONDS_A_TASK / 2) for number in range(5)]
    assert [list(task) for task in _tasks(long)] == [[0, 1], [2, 3], [4]]
    unknown = [source(number, "", float("inf")) for number in range(3)]
    assert [len(task) for task in _tasks(unknown)] == [1, 1, 1]
