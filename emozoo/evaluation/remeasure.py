"""What a run's test predictions are worth once the model is calibrated: by the answers in its predictions.csv, so that the
test clips need not be answered again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.predictions import read_predictions
from emozoo.checkpoint.results import DimensionMetrics, Metrics
from emozoo.checkpoint.run import RunRecord, read_record
from emozoo.evaluation.confidence import confidence, risk_coverage, set_metrics
from emozoo.evaluation.dimensions import with_intervals
from emozoo.filenames import PREDICTIONS, RISK
from emozoo.inference.calibration import Calibration
from emozoo.plots.confidence import risk_coverage_curve
from emozoo.target import Outputs

Rows = Sequence[Mapping[str, str]]


def remeasure(folder: Path, outputs: Outputs, calibration: Calibration) -> Metrics | None:
    """Writes into metrics.json of a run, and into risk_coverage.png, what calibrated answers to its test clips are worth,
    and returns all its test metrics; None, and nothing is written, for a folder without metrics or predictions."""
    record = read_record(folder)
    if record is None:
        return None
    try:
        rows = read_predictions(folder / PREDICTIONS)
        metrics = _words(rows, record, outputs, calibration, folder) if outputs.labels else record.test
        metrics = replace(metrics, dimensions=_dimensions(rows, metrics, outputs, calibration))
    except (OSError, ValueError, KeyError):
        return None
    replace(record, test=metrics).write(folder)
    return metrics


def _words(rows: Rows, record: RunRecord, outputs: Outputs, calibration: Calibration, folder: Path) -> Metrics:
    """Raises ValueError for the predictions of other clips."""
    labels, known, data = outputs.labels, record.test, record.data
    rows = [row for row in rows if row["predicted"] and row["label"]]  # the others had no voice, or no majority
    true = np.array([labels.index(row["label"]) for row in rows])
    if len(true) != known.count:
        raise ValueError("these are other clips")
    probabilities = calibration.apply(np.array([[float(row[label]) for label in labels] for row in rows]))
    speakers = [row["speaker"] for row in rows]
    split = f"{data.protocol}, fold {data.fold} of {data.folds}, seed {record.training.seed}, calibrated"
    heading = (f"{read_config(folder).architecture} on {data.dataset}", split)
    risk_coverage_curve(*risk_coverage(true, probabilities), probabilities.max(1), folder / RISK, heading)
    return replace(
        known,
        confidence=confidence(true, probabilities, speakers),
        sets=set_metrics(calibration, true, probabilities, speakers, None),
    )


def _dimensions(rows: Rows, known: Metrics, outputs: Outputs, calibration: Calibration) -> tuple[DimensionMetrics, ...]:
    if outputs.scale is None:
        return known.dimensions
    ratings, values = (
        np.array([[_unit(outputs, row[f"{name}{suffix}"]) for name in outputs.dimensions] for row in rows])
        for suffix in ("_true", "")
    )
    return with_intervals(known.dimensions, outputs, ratings, values, calibration, None)


def _unit(outputs: Outputs, written: str) -> float:
    """A rating of predictions.csv as a value from 0 to 1, NaN for an empty cell."""
    assert outputs.scale is not None
    return outputs.scale.to_unit(float(written)) if written else np.nan
