"""What a run's test predictions are worth once the model is calibrated: by the probabilities in its predictions.csv, so that
the test clips need not be answered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emozoo.checkpoint.predictions import read_predictions
from emozoo.checkpoint.results import Metrics
from emozoo.checkpoint.run import read_record
from emozoo.evaluation.confidence import confidence, risk_coverage, set_metrics
from emozoo.filenames import PREDICTIONS, RISK
from emozoo.inference.calibration import Calibration
from emozoo.plots.confidence import risk_coverage_curve


def remeasure(folder: Path, labels: Sequence[str], calibration: Calibration) -> Metrics | None:
    """Writes into metrics.json of a run, and into risk_coverage.png, what the calibrated probabilities of its test clips are
    worth, and returns all its test metrics; None, and nothing is written, for a folder without metrics or predictions."""
    record = read_record(folder)
    if record is None:
        return None
    try:
        rows = [row for row in read_predictions(folder / PREDICTIONS) if row["predicted"]]  # the others had no voice
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
