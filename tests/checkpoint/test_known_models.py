"""A model that the table of public models knows: its labels and corpora where its own files do not tell them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import Hub, Repo, running
from support.publishing import environment
from support.transformers_models import save_classifier

KNOWN, STRANGER = "superb/hubert-large-superb-er", "anna/hubert-er"
SCRIPT = """
import json, sys
from emozoo.inspection.describe import describe
print(json.dumps([describe(name) for name in sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `emozoo info` tells of the same tiny HuBERT, which names no outputs, in two repositories."""
    folder = tmp_path_factory.mktemp("model")
    save_classifier(folder, "hubert", id2label={n: f"LABEL_{n}" for n in range(4)})
    (folder / "README.md").write_text("---\ndatasets:\n- superb\n---\nA card.\n")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with running() as hub:
        for name in (KNOWN, STRANGER):
            hub.models[name] = Repo(name)
            hub.models[name].commit(dict(files), "first")
        return {each["name"].removeprefix("hub:"): each for each in described(hub, folder, KNOWN, STRANGER)}


def described(hub: Hub, folder: Path, *names: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *(f"hub:{name}" for name in names)],
        env={**os.environ, **environment(hub, folder / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_outputs_have_names(told: dict[str, Any]) -> None:
    assert told[KNOWN]["labels"] == ["neutral", "happy", "angry", "sad"]
    assert told[KNOWN]["labels_of_source"]["LABEL_2"] == "angry"
    assert told[STRANGER]["labels"] == ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"]


def test_its_corpora_and_licence_are_known_beside_what_its_card_says(told: dict[str, Any]) -> None:
    assert told[KNOWN]["corpora"] == ["superb", "iemocap"] and told[KNOWN]["licence"] == "apache-2.0"
    assert told[STRANGER]["corpora"] == ["superb"] and told[STRANGER]["licence"] is None
