"""The service with models of words and dimensions, of dimensions alone, and of several labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.models import JOINT, SEVERAL, VALUES, small_model
from support.service import Service, check, lines_of, opened, serving, voice

from emozoo.checkpoint.loading import load
from emozoo.target import Outputs

ALL = {"joint": JOINT, "values": VALUES, "several": SEVERAL}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("targets")
    for name, outputs in ALL.items():
        small_model("cnn", outputs).save(place / name)
    return place


@pytest.fixture(scope="module")
def targets(folder: Path) -> Iterator[Service]:
    words = [word for name in ALL for word in ("--model", str(folder / name))]
    with serving(folder / "home", *words) as served:
        yield served


@pytest.mark.parametrize("name", ALL)
def test_files_and_streams_have_the_answers_of_predict(name: str, targets: Service, folder: Path, clips: Path) -> None:
    outputs: Outputs = ALL[name]
    answer = targets.predict(clips / "voice1.wav", model=name, timeline="true", vad="false")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    for schema in ("predict", "serve-predict"):
        check(document, schema)
    assert document["labels"] == list(outputs.labels) and document.get("dimensions", []) == list(outputs.dimensions)
    model = load(folder / name, "cpu")
    wanted = model.predict(clips / "voice1.wav", timeline=True, vad=False)
    [found] = document["predictions"]
    for field in ("probabilities", "dimensions", "ratings"):
        assert found.get(field) == pytest.approx(getattr(wanted, field), abs=1e-5)
        assert [window.get(field) for window in found["windows"]] == [
            pytest.approx(getattr(window, field), abs=1e-5) for window in wanted.windows or ()
        ]
    assert found.get("emotions") == (list(wanted.emotions) if outputs.multi else None)  # type: ignore[arg-type]

    sound = (voice(3) * 32767).astype("<i2").tobytes()
    with opened(targets, f"vad=false&model={name}") as socket:
        socket.send(sound)
        socket.send(json.dumps({"finish": True}))
        lines, code = lines_of(socket)
    assert code == 1000 and len(lines) == 2
    assert lines[0].get("scale") == document.get("scale")
    assert set(lines[0]) >= {field for field in ("dimensions", "ratings") if outputs.dimensions}


def test_the_models_say_what_they_answer_with(targets: Service) -> None:
    with targets.client() as client:
        document = client.get("/v1/models").json()
        refused = client.post(
            "/v1/predict", files={"files": ("a.wav", b"")}, params={"model": "values", "min_confidence": "0.5"}
        )
    check(document, "serve-models")
    facts = {each["name"]: each for each in document["models"]}
    assert [facts[name]["target"] for name in ALL] == [outputs.target for outputs in ALL.values()]
    assert facts["joint"]["dimensions"] == list(JOINT.dimensions) and facts["joint"]["scale"] == [1, 5]
    assert [facts[name]["several"] for name in ALL] == [False, False, True] and "dimensions" not in facts["several"]
    assert refused.status_code == 422 and "not with probabilities of words" in refused.json()["error"]
