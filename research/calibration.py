"""What is measured of the bundled model when it is made: calibration.json beside its checkpoint."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from emozoo.hints import from_json

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """How well calibrated the bundled model is, and what it was made of."""

    temperature: float
    expected_calibration_error_before: float
    expected_calibration_error: float
    """The same, with each fold's probabilities scaled by the temperature of the other folds."""
    clips: int
    wa: float
    members: int
    recordings: int
    seed: int

    def write(self, folder: Path) -> str:
        """Returns the text of the file."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")
        return text


def read_calibration(folder: Path) -> Calibration:
    return from_json(Calibration, json.loads((folder / FILE).read_text(encoding="utf-8")))
