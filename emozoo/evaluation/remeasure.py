"""What a run's test predictions are worth once the model is calibrated: by the numbers in its predictions.csv, so that the
test clips need not be answered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emozoo.checkpoint.predictions import read_predictions
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import read_record
from emozoo.evaluation.confidence import confidence, risk_coverage, set_metrics
from emozoo.filenames import PREDICTIONS, RISK
from emozoo.inference.calibration import Calibration
from emozoo.plots.confidence import risk_coverage_curve
from emozoo.target import Outputs


def remeasure(folder: Path, labels: Sequence[str], calibration: Calibration) -> Metrics | None:
    """Writes into metrics.json of a run, and into risk_coverage.png, what the calibrated probabilities of its test clips are
    worth, and returns all its test metrics; None, and nothing is written, for a folder without metrics or predictions."""
    record = read_record(folder)
    if record is None:
        return None
    try:
        found = read_predictions(folder / PREDICTIONS)
        rows = [row for row in found if row["predicted"] and row["label"]]  # the others had no voice, or no majority
        true = np.array([labels.index(row["label"]) for row in rows])
        probabilities = np.array([[float(row[label]) for label in labels] for row in rows])
        speakers = [row["speaker"] for row in rows]
    except (OSError, ValueError, KeyError):
        return None
    if len(true) != record.test.count:
        return None
    calibrated = calibration.apply(probabilities)
    metrics = replace(
        record.test,
        confidence=confidence(true, calibrated, speakers),
        sets=set_metrics(calibration, true, calibrated, speakers, None),
    )
    replace(record, test=metrics).write(folder)
    risk_coverage_curve(*risk_coverage(true, calibrated), calibrated.max(1), folder / RISK)
    return metrics


ASKED = 0.9
"""The coverage whose intervals are measured."""
ROUNDING = 1e-6
"""Of the numbers in predictions.csv."""


@dataclass(frozen=True)
class IntervalMetrics:
    """Intervals of a dimension that were to hold people's rating in a given share of cases."""

    name: str
    asked: float
    """The coverage that was asked for."""
    coverage: float
    """The share of test clips whose interval holds the rating."""
    width: float
    """Of an interval, on average, on the scale of the ratings."""


def interval_metrics(folder: Path, outputs: Outputs, calibration: Calibration) -> tuple[IntervalMetrics, ...]:
    """What the intervals of a run's test clips are worth, for each dimension that is rated there; none for a folder without
    predictions, and for a calibration that does not promise `ASKED`."""
    scale = outputs.scale
    if scale is None or calibration.highest < ASKED:
        return ()
    try:
        rows = read_predictions(folder / PREDICTIONS)
        pairs = {
            name: [(float(row[f"{name}_true"]), float(row[name])) for row in rows if row[f"{name}_true"] and row[name]]
            for name in outputs.dimensions
        }
    except (OSError, ValueError, KeyError):
        return ()
    found = []
    for name, both in pairs.items():
        if not both:
            continue
        true, values = np.array([(scale.to_unit(rating), scale.to_unit(value)) for rating, value in both]).T
        ends = np.array([calibration.interval(name, value, ASKED, bounded=True) for value in values])
        inside = (ends[:, 0] - ROUNDING <= true) & (true <= ends[:, 1] + ROUNDING)
        width = scale.span * float(np.ptp(ends, axis=1).mean())
        found.append(IntervalMetrics(name, ASKED, float(inside.mean()), width))
    return tuple(found)
