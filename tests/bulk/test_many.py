"""`emozoo predict` and `embed` into a folder: the same answers, once each, shares of a job array, and what is refused."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.hub_server import Repo, running
from support.make_media import tone, write_sound
from support.models import JOINT, small_model
from support.object_store import BUCKET, object_store
from support.publishing import cli
from support.schemas import validate
from support.small import emozoo, one_error

RATE = 16_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    small_model().save(folder)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds of 1 to 5 s, silence, and no sound."""
    folder = tmp_path_factory.mktemp("clips with ümläut")
    for number in range(5):
        write_sound(folder / f"{number}.wav", tone(1 + number, RATE, hertz=100 + 50 * number), RATE)
    write_sound(folder / "silent.wav", np.zeros((RATE, 1), np.float32), RATE)
    (folder / "none.wav").write_bytes(b"none")
    return folder


def rows_in(folder: Path) -> dict[str, dict[str, Any]]:
    rows = [row for part in folder.glob("*.parquet") for row in pq.read_table(part).to_pylist()]
    found = {row["file"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("outputs", [None, JOINT])
def test_a_row_has_the_fields_of_the_json_document(outputs: Any, clips: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (small_model(outputs=outputs) if outputs else small_model()).save(model)
    words = ["predict", clips, "--model", model, "--timeline", "--hop", "2"]
    document = json.loads(emozoo(*words, "--json").stdout)
    done = emozoo(*words, "--json", "--output", tmp_path / "answers")
    summary = json.loads(done.stdout)
    validate(summary, "answer-folder")
    assert (summary["clips"], summary["rows"], summary["failed"], done.stderr) == (7, 7, 2, "")
    found = rows_in(tmp_path / "answers")
    for known in map(without_nulls, document["predictions"]):
        row = without_nulls(found[known["file"]])
        names = ("probabilities", "dimensions", "ratings")
        assert row.pop("windows", []) == [
            {**window, **{name: pytest.approx(window[name], abs=1e-9) for name in names if name in window}}
            for window in known.pop("windows", [])
        ]
        assert row == {**known, **{name: pytest.approx(known[name], abs=1e-9) for name in names if name in known}}


def test_what_has_a_row_is_not_answered_again_and_what_is_new_is(run: Path, clips: Path, tmp_path: Path) -> None:
    words = ["predict", "--model", run, "--output", tmp_path / "answers"]
    assert "clips: 2, new rows: 2" in emozoo(*words, clips / "0.wav", clips / "none.wav").stdout
    told = emozoo(*words, clips)
    assert "clips: 7, 2 of them before, new rows: 5, failed: 1" in told.stdout
    assert told.stderr == "2 of 7 clips have their rows already\n"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "answers").iterdir()}
    assert "clips: 7, 7 of them before, new rows: 0" in emozoo(*words, clips).stdout
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "answers").iterdir()} == before
    assert len(rows_in(tmp_path / "answers")) == 7


def test_another_model_or_question_does_not_go_into_the_same_folder(run: Path, clips: Path, tmp_path: Path) -> None:
    words = ["predict", clips / "0.wav", "--output", tmp_path / "answers"]
    emozoo(*words, "--model", run)
    assert "holds other answers (model" in one_error(emozoo(*words, check=2))
    assert "(hop none, not 2.0)" in one_error(emozoo(*words, "--model", run, "--hop", "2", check=2))
    embed = ["embed", clips / "0.wav", "--model", run, "--output", f"{tmp_path}/answers/"]
    assert 'asked "predict", not "embed"' in one_error(emozoo(*embed, check=2))


def test_a_name_that_is_not_text_has_a_row_with_its_error(run: Path, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    shutil.copy(clips / "0.wav", tmp_path / "calls")
    shutil.copy(clips / "1.wav", os.fsencode(tmp_path / "calls") + b"/\xff \x1b[2J.wav")
    words = ["predict", tmp_path / "calls", "--model", run, "--output", tmp_path / "answers"]
    assert "clips: 2, new rows: 2, failed: 1" in emozoo(*words).stdout
    assert "2 of them before" in emozoo(*words).stdout
    (failed,) = [row for row in rows_in(tmp_path / "answers").values() if row["error"]]
    assert "not UTF-8" in failed["error"] and failed["file"].endswith("\\udcff \x1b[2J.wav")


def test_the_shares_of_a_job_array_write_into_one_folder(run: Path, clips: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        # The status is 2 where a share happens to have bad clips alone.
        emozoo("embed", clips, "--model", run, "--output", f"{tmp_path}/vectors/", "--shard", f"{number}/3", check=None)
    assert sorted(rows_in(tmp_path / "vectors")) == sorted(str(path) for path in clips.iterdir())
    words = ["embed", clips, "--model", run, "--output", f"{tmp_path}/vectors/"]
    assert "shards 3, not 4" in one_error(emozoo(*words, "--shard", "1/4", check=2))
    words = ["predict", clips, "--model", run, "--jsonl", "--shard"]
    lines = [emozoo(*words, f"{each}/2", check=None).stdout for each in (1, 2)]
    assert sorted(json.loads(line)["file"] for line in "".join(lines).splitlines()) == sorted(map(str, clips.iterdir()))


def test_ctrl_c_keeps_what_is_answered(run: Path, clips: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(12_000):
        (many / f"{number}.wav").hardlink_to(clips / f"{number % 5}.wav")
    words = ["predict", str(many), "--model", str(run), "--output", str(tmp_path / "answers")]
    process = subprocess.Popen(
        [sys.executable, "-m", "emozoo", *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    end = time.monotonic() + 120
    while not (tmp_path / "answers" / "_emozoo.json").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and told.endswith("stopped\n") and "Traceback" not in told
    rows = rows_in(tmp_path / "answers")
    assert rows and f"{len(rows)} of 12000 clips have their rows in" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["predict", "a.wav", "--engine", "ray"], "--engine ray writes a folder"),
        (["predict", "a.wav", "--address", "auto"], "add --engine ray"),
        (["predict", "a.wav", "--output", "x", "--csv"], "choose one"),
        (["predict", "a.wav", "--output", "x", "--adapt", "recordings"], "wait for the last"),
        (["predict", "a.wav", "--shard", "9/8"], "as in 3/8"),
        (["embed", "a.wav", "--output", "s3://calls/x.parquet"], "whose name ends in /"),
        (["predict", "a.wav", "--output", "x", "--engine", "ray", "--shard", "1/2"], "leave one of them out"),
        (["embed", "a.wav", "--output", "x.parquet", "--engine", "ray"], "with a / at the end"),
        (["embed", "a.wav", "--output", "x"], "or for a folder of Parquet files in /"),
        (["predict", "s3://bucket/a.wav"], "--output"),
    ],
)
def test_what_does_not_go_together_is_one_sentence_and_writes_nothing(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    assert sentence in one_error(emozoo(*words, check=2, cwd=tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_dataset_of_the_hub_is_answered_its_files_or_the_recordings_in_its_tables(
    run: Path, clips: Path, tmp_path: Path
) -> None:
    tables = io.BytesIO()
    held = [{"bytes": (clips / name).read_bytes(), "path": name} for name in ("0.wav", "none.wav")]
    pq.write_table(pa.table({"audio": held, "label": [0, 1]}), tables)
    contents = {
        "anna/calls": {"0.wav": held[0]["bytes"], "deep/none.wav": b"none", "README.md": b"# Calls"},
        "anna/rows": {"data/train-0.parquet": tables.getvalue()},
    }
    known = json.loads(emozoo("predict", clips / "0.wav", "--model", run, "--json").stdout)["predictions"][0]
    with running() as hub:
        for name, files in contents.items():
            repo = hub.datasets.setdefault(name, Repo(name))
            repo.commit(files, "by hand")
            repo.tags["v1"] = repo.refs["main"]
        for number, (name, first) in enumerate({
            "anna/calls": "hf://datasets/anna/calls/0.wav",
            "anna/calls@v1": "hf://datasets/anna/calls@v1/0.wav",
            "anna/rows": "hf://datasets/anna/rows/data/train-0.parquet#0",
        }.items()):  # fmt: skip
            words = ["predict", f"hub:{name}", "--model", run, "--output", tmp_path / str(number)]
            assert "clips: 2, new rows: 2, failed: 1" in cli(hub, tmp_path / "home", *words).stdout
            row = rows_in(tmp_path / str(number))[first]
            assert row["probabilities"] == pytest.approx(known["probabilities"], abs=1e-6)
        words = ["predict", "hub:anna/nothing", "--model", run, "--output", tmp_path / "nothing"]
        assert "anna/nothing" in one_error(cli(hub, tmp_path / "home", *words, check=2))


def test_calls_in_an_object_store_are_answered_into_it(run: Path, clips: Path) -> None:
    with object_store(latency=0.02) as store:
        store.put(clips, "calls ä/")
        words = ["predict", f"s3://{BUCKET}/calls ä/**.wav", f"s3://{BUCKET}/gone.wav", "--model", run]
        told = emozoo(*words, "--output", f"s3://{BUCKET}/answers", **store.environment)
        assert "clips: 8, new rows: 8, failed: 3" in told.stdout
        assert "8 of them before" in emozoo(*words, "--output", f"s3://{BUCKET}/answers", **store.environment).stdout
        (part,) = store.file_system().glob(f"{BUCKET}/answers/*.parquet")
        with store.file_system().open(part) as file:
            rows = {row["file"]: row for row in pq.ParquetFile(file).read().to_pylist()}
        there = json.loads(emozoo("predict", clips / "3.wav", "--model", run, "--json").stdout)["predictions"][0]
        assert rows[f"s3://{BUCKET}/calls ä/3.wav"]["probabilities"] == pytest.approx(there["probabilities"], abs=1e-6)
        assert "s3://calls/gone.wav does not exist" in rows[f"s3://{BUCKET}/gone.wav"]["error"]
