"""A calibration for small models."""

import dataclasses
import json
from pathlib import Path

from emozoo.inference.calibration import COVERAGES, Calibration

CALIBRATION = Calibration(
    temperature=2.0,
    coverages=COVERAGES,
    lac=tuple(round(0.2 + coverage * 0.6, 6) if coverage <= 0.97 else None for coverage in COVERAGES),
    aps=tuple(round(0.1 + coverage * 0.9, 6) if coverage <= 0.97 else None for coverage in COVERAGES),
    dataset="toy",
    part="dev speakers of session fold 1 of 5",
    clips=39,
    speakers=2,
)
"""With a set of one label where its probability is high, and of several where it is not."""


def calibrate_by_hand(folder: Path, **changes: object) -> Calibration:
    """Writes a calibration into config.json of a checkpoint."""
    calibration = dataclasses.replace(CALIBRATION, **changes)  # type: ignore[arg-type]
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), "calibration": calibration.to_dict()}
    path.write_text(json.dumps(config), encoding="utf-8")
    return calibration
