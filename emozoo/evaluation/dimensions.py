"""What predicted values of dimensions are worth: CCC, Pearson's correlation and the mean absolute error.

CCC (concordance correlation coefficient, Lin 1989) is 2 s_xy / (s_x^2 + s_y^2 + (m_x - m_y)^2), with variances over n: a
correlation that also counts a wrong mean or spread. It is undefined where all ratings are alike, and then None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emozoo.checkpoint.results import DimensionMetrics, DimensionSpread
from emozoo.checkpoint.speakers import SpeakerSums
from emozoo.evaluation.sums import by_speaker, mean_and_deviation, pooled, scored
from emozoo.inference.calibration import Calibration
from emozoo.target import Outputs

COVERAGE = 0.9
"""Of intervals, where none is asked for."""
ROUNDING = 1e-6
"""Of numbers in predictions.csv."""
FLAT = 1e-12
"""A variance below this is none."""


def measure_dimensions(
    outputs: Outputs, ratings: np.ndarray, values: np.ndarray, speakers: Sequence[str]
) -> tuple[DimensionMetrics, ...]:
    """The worth of values float [clips, dimensions] against ratings of the same shape, both from 0 to 1; a rating that is
    NaN is not compared. A speaker is "" where unknown. Dimensions without a rating are left out."""
    found = []
    for place, name in enumerate(outputs.dimensions):
        known = np.isfinite(ratings[:, place])
        if known.any():
            truth, predicted = ratings[known, place].astype(float), values[known, place].astype(float)
            clips = moments(truth, predicted)
            who = [speaker for speaker, there in zip(speakers, known, strict=True) if there]
            span = outputs.scale.span if outputs.scale else 1.0
            found.append(_metrics(name, span, by_speaker(clips, who), clips))
    return tuple(found)


def with_intervals(
    found: Sequence[DimensionMetrics],
    outputs: Outputs,
    ratings: np.ndarray,
    values: np.ndarray,
    calibration: Calibration | None,
    coverage: float | None,
) -> tuple[DimensionMetrics, ...]:
    """The same metrics, with how often a calibrated model's intervals for a `coverage` (`COVERAGE`) hold the rating."""
    if calibration is None or coverage is None and calibration.highest < COVERAGE:
        return tuple(found)
    asked = COVERAGE if coverage is None else coverage
    measured = []
    for each in found:
        if each.name in calibration.residuals:
            place = outputs.dimensions.index(each.name)
            known = np.isfinite(ratings[:, place]) & np.isfinite(values[:, place])
            truth, own = ratings[known, place], values[known, place]
            bounded = outputs.scale is not None
            margin = calibration.margin(each.name, asked)
            low, high = (end.clip(0, 1) if bounded else end for end in (own - margin, own + margin))
            inside = (low - ROUNDING <= truth) & (truth <= high + ROUNDING)
            width = float((high - low).mean()) * each.span
            each = replace(each, asked=asked, covered=float(inside.mean()), width=width)
        measured.append(each)
    return tuple(measured)


def pool_dimensions(folds: Sequence[tuple[DimensionMetrics, ...]]) -> tuple[DimensionMetrics, ...]:
    """The dimensions of several folds together."""
    found = []
    for name in dict.fromkeys(each.name for fold in folds for each in fold):
        own = [each for fold in folds for each in fold if each.name == name]
        found.append(_metrics(name, own[0].span, pooled([each.per_speaker for each in own]), None))
    return tuple(found)


def spread_of(folds: Sequence[tuple[DimensionMetrics, ...]]) -> tuple[DimensionSpread, ...]:
    """Mean and sample standard deviation of the CCC over folds in which it is defined."""
    found = []
    for name in dict.fromkeys(each.name for fold in folds for each in fold):
        own = (each.ccc for fold in folds for each in fold if each.name == name)
        found.append(DimensionSpread(name, *mean_and_deviation(own)))
    return tuple(found)


def concordances(ratings: np.ndarray, values: np.ndarray) -> list[float]:
    """The CCC of each dimension of values float [clips, dimensions], NaN where undefined."""
    found = []
    for truth, predicted in zip(ratings.T.astype(float), values.T.astype(float), strict=True):
        known = np.isfinite(truth)
        found.append(float(ccc(moments(truth[known], predicted[known]).sum(0))))
    return found


def ccc(sums: np.ndarray) -> np.ndarray:
    """Of sums [..., 7] as `moments` gives them, NaN where all ratings are alike."""
    _, mean_t, mean_p, var_t, var_p, cov = _central(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(var_t > FLAT, 2 * cov / (var_t + var_p + (mean_t - mean_p) ** 2), np.nan)


def pearson(sums: np.ndarray) -> np.ndarray:
    """Of sums [..., 7], NaN where all ratings, or all values, are alike."""
    _, _, _, var_t, var_p, cov = _central(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((var_t > FLAT) & (var_p > FLAT), (cov / np.sqrt(var_t * var_p)).clip(-1, 1), np.nan)


def _mae(sums: np.ndarray) -> np.ndarray:
    return sums[..., 6] / sums[..., 0]


def moments(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """float64 [clips, 7], whose sums give all scores."""
    one = np.ones(len(truth))
    return np.stack([one, truth, predicted, truth**2, predicted**2, truth * predicted, abs(truth - predicted)], axis=1)


def _central(sums: np.ndarray) -> tuple[np.ndarray, ...]:
    """Count, means, variances and covariance of sums [..., 7]."""
    count = sums[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_t, mean_p, square_t, square_p, product = (sums[..., place] / count for place in range(1, 6))
    return (
        count, mean_t, mean_p, square_t - mean_t**2, square_p - mean_p**2, product - mean_t * mean_p,
    )  # fmt: skip


def _metrics(name: str, span: float, sums: tuple[SpeakerSums, ...], clips: np.ndarray | None) -> DimensionMetrics:
    found: dict[str, Any] = scored({"ccc": ccc, "pearson": pearson, "mae": _mae}, sums, clips)
    found["mae"] = found["mae"] * span
    if found["mae_interval"]:
        found["mae_interval"] = tuple(each * span for each in found["mae_interval"])
    return DimensionMetrics(
        name=name, count=int(sum(each.sums[0] for each in sums)), span=span, per_speaker=sums, **found
    )
