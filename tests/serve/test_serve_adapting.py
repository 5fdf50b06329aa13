"""`emozoo serve --adapt recordings`: the files of a request are adapted to one another, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
from support.recordings import telling_model, write_sounds
from support.service import check, serving

from emozoo.inference.recordings import RecordingsBias


def test_the_files_of_a_request_are_adapted_to_one_another(tmp_path: Path) -> None:
    model = telling_model()
    model.save(tmp_path / "telling")
    files = write_sounds(tmp_path)
    with serving(tmp_path / "home", "--model", str(tmp_path / "telling"), "--adapt", "recordings") as service:
        alone = [service.predict(file, vad=False).json() for file in files]
        together = service.predict(*files, vad=False).json()
    for each in (*alone, together):
        check(each, "serve-predict")
    assert [each["adapted"]["adapted_with"] for each in alone] == [0] * 8 and "one recording" in alone[0]["adapted"][
        "note"
    ]
    plain, found = (
        np.array([list(each["probabilities"].values()) for each in predictions])
        for predictions in ([each["predictions"][0] for each in alone], together["predictions"])
    )
    bias = RecordingsBias.from_probabilities(plain)
    assert together["adapted"]["adapted_with"] == together["adapted"]["recordings"] == 8
    assert found == pytest.approx(bias.apply(plain), abs=1e-5) and np.abs(found - plain).max() > 0.01
