"""Embeddings of files: the mean over the windows that count, in order, in batches, as Parquet and as npz."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
from pyarrow import parquet
from support.make_media import tone, write_sound
from support.models import small_model
from support.places import ROOT
from support.small import emozoo, one_error, read

from emozoo import EmozooError
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.model import EmotionModel
from emozoo.inference.embedding_tables import embedding_table, incomplete
from emozoo.inference.embeddings import Embedding, embed_files
from emozoo.inference.options import PredictOptions
from emozoo.media.window import cut_window, window_starts

RATE = 16_000
SCHEMA = read(ROOT / "docs" / "schema" / "embed.json")


@pytest.fixture(scope="module")
def model() -> EmotionModel:
    return small_model()


@pytest.fixture(scope="module")
def run(model: EmotionModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    model.save(folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Sounds of 1 to 5.6 s; the second is silent, the third no sound at all, the last silent for its last 4 s."""
    folder = tmp_path_factory.mktemp("clips with ümläut")
    paths = [
        write_sound(folder / "a.wav", tone(5.6, RATE), RATE),
        write_sound(folder / "b.wav", np.zeros((RATE, 1), np.float32), RATE),
        folder / "c.wav",
        write_sound(folder / "d.flac", tone(1.0, 8_000, 2), 8_000),
        write_sound(folder / "e.wav", np.concatenate([tone(2.0, RATE), np.zeros((4 * RATE, 1))]), RATE),
    ]
    (folder / "c.wav").write_bytes(b"RIFF, but nothing behind it")
    return [str(path) for path in paths]


def by_hand(model: EmotionModel, path: str) -> np.ndarray:
    """float32 [windows, features], from the samples of a file at 16 kHz."""
    sound, _ = soundfile.read(path, dtype="float32")
    return model.embeddings([cut_window(sound, None, start) for start in window_starts(len(sound))])


def same(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_files_embedding_is_the_mean_over_its_windows(model: EmotionModel, files: list[str]) -> None:
    windows = by_hand(model, files[0])
    assert windows.shape == (4, 16)
    found = model.embed(files[0])
    assert (found.dtype, found.shape) == (np.float32, (16,))
    same(found, windows.mean(0))
    same(model.embed(files[0], windows=True), windows)


def test_windows_without_a_voice_count_for_nothing(model: EmotionModel, files: list[str]) -> None:
    rows = list(embed_files(model, files[-1:], windows=True))
    assert [(row.start, row.end, row.reason) for row in rows] == [
        (0.0, 3.0, None),
        (1.0, 4.0, None),
        (2.0, 5.0, "silent"),
        (3.0, 6.0, "silent"),
    ]
    assert [row.vector is None for row in rows] == [False, False, True, True]
    same(model.embed(files[-1]), by_hand(model, files[-1])[:2].mean(0))
    assert model.embed(files[-1], windows=True).shape == (2, 16)


def test_files_come_in_order_and_a_bad_one_does_not_stop_the_others(model: EmotionModel, files: list[str]) -> None:
    rows = list(embed_files(model, files))
    assert [row.file for row in rows] == files
    assert [row.reason for row in rows] == [None, "silent", None, None, None]
    assert "is silent" in str(rows[1].error) and "c.wav" in str(rows[2].error)
    for row in (rows[0], rows[3], rows[4]):
        assert row.error is None and row.vector is not None
        same(row.vector, model.embed(row.file))
    windows = list(embed_files(model, files, windows=True))
    assert [row.file for row in windows] == [files[0]] * 4 + files[1:4] + [files[4]] * 4


def test_a_hop_is_as_for_predictions(model: EmotionModel, files: list[str]) -> None:
    starts = [row.start for row in embed_files(model, files[:1], PredictOptions(hop=2.0), windows=True)]
    assert starts == [0.0, 2.0, 2.6]


def test_clips_may_be_samples_bytes_or_lists_of_these(model: EmotionModel, files: list[str]) -> None:
    sound, _ = soundfile.read(files[0], dtype="float32")
    wanted = model.embed(files[0])
    found = model.embed([files[0], Path(files[0]).read_bytes(), (sound, RATE)])
    assert found.shape == (3, 16)
    for row in found:
        same(row, wanted)
    same(model.embed((sound, RATE)), wanted)


def test_what_has_no_embedding_is_one_sentence(model: EmotionModel, files: list[str]) -> None:
    for given, words in (
        (files[1], "b.wav is silent"),
        (files, "b.wav is silent"),
        (files[2], "c.wav"),
        ([], "an empty list of clips"),
        (5, "a model cannot be asked about an int"),
    ):
        with pytest.raises(EmozooError, match=words):
            model.embed(given)
    with pytest.raises(EmozooError, match="windows=True takes one clip"):
        model.embed(files[:1], windows=True)


def embed(files: list[str], output: Path, run: Path, *words: str, check: int = 0) -> Any:
    done = emozoo("embed", *files, "--output", output, "--model", run, "--device", "cpu", *words, "--json", check=check)
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    return document


def test_the_command_writes_parquet(model: EmotionModel, files: list[str], run: Path, tmp_path: Path) -> None:
    document = embed(files, tmp_path / "x.parquet", run)
    assert (document["features"], document["rows"], document["output"]) == (16, 3, str(tmp_path / "x.parquet"))
    assert [(each["file"], each.get("reason")) for each in document["failed"]] == [
        (files[1], "silent"),
        (files[2], None),
    ]
    table = parquet.read_table(tmp_path / "x.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "list<element: float>", "string", "string"]
    assert table.column_names == ["file", "embedding", "error", "reason"]
    rows = table.to_pylist()
    assert [row["file"] for row in rows] == files
    for row, wanted in zip(rows, embed_files(model, files), strict=True):
        assert (row["error"], row["reason"]) == (wanted.error, wanted.reason)
        if wanted.vector is None:
            assert row["embedding"] is None
        else:
            same(row["embedding"], wanted.vector)
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_the_command_writes_npz_and_windows(model: EmotionModel, files: list[str], run: Path, tmp_path: Path) -> None:
    document = embed(files, tmp_path / "x.npz", run, "--windows")
    arrays = np.load(tmp_path / "x.npz", allow_pickle=False)
    assert sorted(arrays) == ["embedding", "end", "file", "start"]
    wanted = [row for row in embed_files(model, files, windows=True) if row.vector is not None]
    assert document["rows"] == len(wanted) == 7
    assert (arrays["embedding"].dtype, arrays["embedding"].shape) == (np.float32, (7, 16))
    assert arrays["file"].tolist() == [row.file for row in wanted]
    assert list(zip(arrays["start"], arrays["end"], strict=True)) == [(row.start, row.end) for row in wanted]
    same(arrays["embedding"], [row.vector for row in wanted])
    embed(files, tmp_path / "y.npz", run)
    assert sorted(np.load(tmp_path / "y.npz", allow_pickle=False)) == ["embedding", "file"]


def test_the_onnx_backend_gives_the_same_without_torch(files: list[str], run: Path, tmp_path: Path) -> None:
    export_onnx(run, tmp_path / "exported")
    words = ["embed", *files, "--model", str(tmp_path / "exported"), "--backend", "onnx", "--output", "x.npz", "--json"]
    code = (
        "import sys; sys.argv = ['emozoo', *sys.argv[1:]]\nfrom emozoo.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.endswith("\nFalse\n"), done.stderr
    embed(files, tmp_path / "y.npz", run)
    found, wanted = (np.load(tmp_path / name) for name in ("x.npz", "y.npz"))
    np.testing.assert_allclose(found["embedding"], wanted["embedding"], rtol=1e-2, atol=1e-3)


def test_nothing_is_written_and_the_status_is_2_if_no_file_could_be_embedded(
    files: list[str], run: Path, tmp_path: Path
) -> None:
    document = embed(files[1:3], tmp_path / "x.parquet", run, check=2)
    assert (document["rows"], document["features"], document["output"]) == (0, None, None)
    assert len(document["failed"]) == 2 and not list(tmp_path.iterdir())


def test_other_files_and_folders_are_refused_before_any_work(files: list[str], run: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    for output, words in (
        ("x.csv", "must end in .parquet or .npz"),
        ("x", "must end in .parquet or .npz"),
        ("folder.npz", "is a folder"),
    ):
        done = emozoo("embed", files[0], "--output", tmp_path / output, "--model", run, check=2)
        assert words in one_error(done) and done.stdout == ""
    assert "--output" in one_error(emozoo("embed", files[0], check=2))


@pytest.mark.parametrize("name", ["x.parquet", "x.npz"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, EmozooError])
def test_what_ends_the_writing_leaves_the_rows_so_far_under_another_name(
    name: str, error: type[BaseException], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_text("of an earlier day")
    with pytest.raises(error), embedding_table(tmp_path / name, False, {}) as table:
        for number in range(1500):  # more than a block
            table.add(Embedding(f"{number}.wav", np.full(3, number, np.float32)))
        raise error("stop")
    assert (tmp_path / name).read_text() == "of an earlier day"
    rest = incomplete(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, rest.name])
    assert str(rest) in caplog.text
    if name.endswith("npz"):
        found = np.load(rest)["embedding"]
    else:
        found = np.array(parquet.read_table(rest)["embedding"].to_pylist())
    np.testing.assert_array_equal(found, np.arange(1500, dtype=np.float32)[:, None].repeat(3, 1))


def test_a_failure_before_the_first_row_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), embedding_table(tmp_path / "x.parquet", True, {}) as table:
        table.add(Embedding("a.wav", error="damaged"))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
