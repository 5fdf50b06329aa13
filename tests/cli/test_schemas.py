"""What commands print with --json fits the schemas in docs/schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jsonschema import ValidationError
from support.models import small_model
from support.schemas import SCHEMAS, validate
from support.small import emozoo, train_words

from emozoo.text import SCHEMA

RATE = 16_000


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas") / "model"
    small_model().save(folder)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A sound, silence, and no file."""
    folder = tmp_path_factory.mktemp("clips")
    sounds = {"tone": 0.3 * np.sin(np.arange(5 * RATE) / 20), "silent": np.zeros(RATE)}
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    return [folder / "tone.wav", folder / "silent.wav", folder / "none.wav"]


def test_every_schema_is_of_version_1_and_says_that_fields_may_be_added() -> None:
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        assert schema["$schema"].endswith("2020-12/schema") and schema["title"]
        assert schema["properties"]["schema"]["const"] == SCHEMA and "schema" in schema["required"], path.name
        assert schema.get("additionalProperties", True) is not False


@pytest.mark.parametrize("more", [[], ["--timeline"], ["--timeline", "--min-confidence", "0.9"], ["--hop", "2"]])
def test_predict(checkpoint: Path, clips: list[Path], more: list[str]) -> None:
    words = ["predict", *clips, "--model", checkpoint, *more]
    document = json.loads(emozoo(*words, "--json").stdout)
    validate(document, "predict")
    lines = [json.loads(line) for line in emozoo(*words, "--jsonl").stdout.splitlines()]
    assert len(lines) == 3
    for line, answer in zip(lines, document["predictions"], strict=True):
        validate(line, "predict-line")
        assert {name: value for name, value in line.items() if name not in ("schema", "model")} == answer


def test_predict_with_a_speaker(checkpoint: Path, clips: list[Path]) -> None:
    words = ["predict", clips[0], "--model", checkpoint, "--speaker", clips[0], "--json"]
    document = json.loads(emozoo(*words).stdout)
    validate(document, "predict")
    assert document["speaker"] == {"recordings": 1}


@pytest.mark.parametrize("more", [[], ["--adapt", "speaker"], ["--min-confidence", "0.9"]])
def test_predict_with_segments(checkpoint: Path, clips: list[Path], more: list[str], tmp_path: Path) -> None:
    table = tmp_path / "turns.csv"
    table.write_text(
        "file,start,end,speaker,text\ntone.wav,0,2,anna,Hi\ntone.wav,2,2,,\ntone.wav,3,5,anna,\nsilent.wav,0,1,bob,\n"
    )
    words = ["predict", *clips, "--model", checkpoint, "--segments", table, *more]
    document = json.loads(emozoo(*words, "--json").stdout)
    validate(document, "predict")
    assert [len(answer.get("segments", [])) for answer in document["predictions"]] == [3, 1, 0]
    lines = [json.loads(line) for line in emozoo(*words, "--jsonl").stdout.splitlines()]
    for line, answer in zip(lines, document["predictions"], strict=True):
        validate(line, "predict-line")
        assert {name: value for name, value in line.items() if name not in ("schema", "model")} == answer
    document["predictions"][0]["segments"][0]["reason"] = "no such reason"
    with pytest.raises(ValidationError):
        validate(document, "predict")


def test_listen(checkpoint: Path, clips: list[Path]) -> None:
    sound = clips[0].read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "emozoo", "listen", "--model", str(checkpoint), "--json"],
        input=sound + bytes(2 * 5 * RATE),
        capture_output=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    for line in lines:
        validate(line, "listen-line")


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "none.wav", "--model", "no-model", "--json"],
        ["predict", "none.wav", "--model", "no-model", "--jsonl"],
        ["evaluate", "no-model", "--json"],
        ["info", "no-model", "--json"],
        ["train", "no-architecture", "--json"],
        ["predict", "--json"],
        ["predict", "a.wav", "--hop", "9", "--json"],
    ],
)
def test_a_command_that_fails_prints_its_error_as_json_too(words: list[str], tmp_path: Path) -> None:
    done = emozoo(*words, check=2, cwd=tmp_path)
    document = json.loads(done.stdout)
    validate(document, "error")
    assert f"error: {document['error']}" in done.stderr


def test_what_there_is(checkpoint: Path) -> None:
    validate(json.loads(emozoo("list", "--json").stdout), "list")
    validate(json.loads(emozoo("list", "--models", "angry", "--json").stdout), "list-models")
    validate(json.loads(emozoo("list", "--hub", "--json", HF_HUB_OFFLINE="1").stdout), "list-hub")
    for name in ("cnn", "ravdess", "speech", checkpoint):
        validate(json.loads(emozoo("info", name, "--json").stdout), "info")


def test_training_export_and_publishing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    validate(json.loads(emozoo(*train_words(run, "--json", epochs=1)).stdout), "train")
    validate(json.loads(emozoo("evaluate", run, "--json").stdout), "evaluate")
    validate(json.loads(emozoo("export", run, "--json").stdout), "export")
    validate(json.loads(emozoo("push", run, "ann/model", "--dry-run", "--json").stdout), "push")
    validate(json.loads(emozoo("space", "ann/demo", "--output", tmp_path / "space", "--json").stdout), "space")


def test_a_schema_refuses_another_document() -> None:
    for document in ({}, {"schema": 2, "error": "x"}, {"schema": 1}):
        with pytest.raises(ValidationError):
            validate(document, "error")
    with pytest.raises(ValidationError):
        validate({"schema": 1, "model": "m", "file": "a.wav"}, "predict-line")
