"""A checkpoint of transformers on the Hub is predicted by its reference, online and offline, as transformers does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import Hub, Repo, running
from support.publishing import cli, environment
from support.transformers_models import KINDS, save_classifier, told
from support.voices import write_voice

from emozoo.media.reading import read_audio

ANSWER = """
import json, sys, emozoo
file, *names = sys.argv[1:]
models = [emozoo.load(f"hub:anna/{name}", "cpu") for name in names]
print(json.dumps([model.predict(file).probabilities for model in models]))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Of 1.8 s: shorter than any kind's window."""
    return write_voice(tmp_path / "voice.wav", start=2.6)


def publish(hub: Hub, folder: Path, kind: str) -> None:
    save_classifier(folder, kind)
    repo = hub.models[f"anna/{kind}"] = Repo(f"anna/{kind}")
    repo.commit({path.name: path.read_bytes() for path in folder.iterdir()}, "by hand")


def answers(hub: Hub, home: Path, *words: Any, **more: str) -> Any:
    """What a process of its own says of a file by each of the models."""
    done = subprocess.run(
        [sys.executable, "-c", ANSWER, *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment(hub, home), **more},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_kind_is_predicted_by_reference_online_and_offline(hub: Hub, voice: Path, tmp_path: Path) -> None:
    for kind in KINDS:
        publish(hub, tmp_path / kind, kind)
    found = answers(hub, tmp_path / "home", voice, *KINDS)
    sound = read_audio(voice)
    for kind, probabilities in zip(KINDS, found, strict=True):
        assert probabilities == pytest.approx(told(tmp_path / kind, sound), abs=1e-5), kind
    hub.requests.clear()  # from here on without the network
    assert answers(hub, tmp_path / "home", voice, *KINDS, HF_HUB_OFFLINE="1") == found
    assert hub.requests == []
    words = ("predict", voice, "--model", "hub:anna/wav2vec2", "--json", "--no-vad")
    shown = cli(hub, tmp_path / "home", *words, HF_HUB_OFFLINE="1")
    (prediction,) = json.loads(shown.stdout)["predictions"]
    assert prediction["probabilities"] == pytest.approx(found[KINDS.index("wav2vec2")], abs=1e-4)
    assert hub.requests == [] and shown.stderr == ""
