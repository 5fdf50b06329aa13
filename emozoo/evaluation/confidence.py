"""What probabilities and sets of labels are worth: calibration error, risk over coverage, and how often sets hold the truth.

Everything is measured on clips, each with float64 [labels] of probabilities, as `emozoo predict` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emozoo.checkpoint.results import Confidence, SetMetrics
from emozoo.evaluation.metrics import BINS, calibration_error, right_and_bin
from emozoo.evaluation.sums import INTERVAL, RESAMPLES
from emozoo.inference.calibration import METHODS, Calibration
from emozoo.inference.conformal import inside

COVERAGE = 0.9
"""The coverage that sets are measured at where none is named."""
TENTHS = 10
CHUNK = 50
"""Resamples that are worked out at a time."""
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def confidence(true: np.ndarray, probabilities: np.ndarray, speakers: Sequence[str]) -> Confidence:
    """What the probabilities float [clips, labels] are worth against true labels, int [clips]; a speaker is "" where
    unknown. Intervals are over speakers, or over clips, as those of `emozoo.evaluation.metrics`."""
    right, place = right_and_bin(true, probabilities)
    gaps = np.zeros((len(true), BINS))
    gaps[np.arange(len(true)), place] = probabilities.max(1) - right

    def error(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return np.abs(sums).sum(1) / counts

    coverages, risks = risk_coverage(true, probabilities)
    return Confidence(
        calibration_error=calibration_error(true, probabilities),
        calibration_error_interval=_interval(gaps, speakers, error),
        aurc=float(risks.mean()),
        risks=tuple(np.interp(np.arange(1, TENTHS + 1) / TENTHS, coverages, risks).tolist()),
    )


def risk_coverage(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The risk-coverage curve (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017): float64 [clips] of coverages, from one
    clip to all, and of risks, the share of wrong answers among so many of the surest. Of clips that are equally sure, each
    counts for what they are wrong on average, so that their order does not matter."""
    wrong = (probabilities.argmax(1) != np.asarray(true)).astype(float)
    _, tie = np.unique(-probabilities.max(1), return_inverse=True)
    mean = np.bincount(tie, wrong) / np.bincount(tie)
    ordered = np.sort(tie)
    count = np.arange(1, len(wrong) + 1)
    return count / len(wrong), np.cumsum(mean[ordered]) / count


def set_metrics(
    calibration: Calibration | None,
    true: np.ndarray,
    probabilities: np.ndarray,
    speakers: Sequence[str],
    coverage: float | None,
) -> tuple[SetMetrics, ...]:
    """The sets of each method, asked for a `coverage`, of calibrated probabilities float [clips, labels]; none without a
    calibration, or where `COVERAGE` is left to be the one asked for and cannot be promised. Raises EmozooError for another
    that the calibration does not promise."""
    if calibration is None or coverage is None and calibration.highest < COVERAGE:
        return ()
    coverage = COVERAGE if coverage is None else coverage
    return tuple(
        measured_sets(
            method, coverage, inside(probabilities, calibration.threshold(coverage, method), method), true, speakers
        )
        for method in METHODS
    )


def measured_sets(
    method: str, coverage: float, sets: np.ndarray, true: np.ndarray, speakers: Sequence[str]
) -> SetMetrics:
    """What sets, bool [clips, labels], are worth that were asked for a coverage."""
    true = np.asarray(true)
    held, size = sets[np.arange(len(true)), true], sets.sum(1)
    return SetMetrics(
        method=method,
        asked=coverage,
        coverage=float(held.mean()),
        coverage_interval=_interval(held[:, None].astype(float), speakers, lambda sums, counts: sums[:, 0] / counts),
        size=float(size.mean()),
        class_coverage=_by_class(held, true, sets.shape[1]),
        class_size=_by_class(size, true, sets.shape[1]),
    )


def _by_class(values: np.ndarray, true: np.ndarray, labels: int) -> tuple[float | None, ...]:
    """The mean over the clips of each true label; None where there is none."""
    return tuple(float(values[true == label].mean()) if (true == label).any() else None for label in range(labels))


def _interval(values: np.ndarray, speakers: Sequence[str], score: Score) -> tuple[float, float]:
    """A 95 % percentile bootstrap interval of `score`, which makes float [resamples] of sums float [resamples, features] of
    the clips' values, float [clips, features], and of counts, float [resamples]."""
    names, owner = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    if len(names) < 2 or "" in names:
        owner = np.arange(len(values))
    units = owner.max() + 1
    sums = np.zeros((units, values.shape[1]))
    np.add.at(sums, owner, values)
    counts = np.bincount(owner).astype(float)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES // CHUNK):
        picked = rng.integers(0, units, (CHUNK, units)) + units * np.arange(CHUNK)[:, None]
        times = np.bincount(picked.ravel(), minlength=CHUNK * units).reshape(CHUNK, units).astype(float)
        found.append(score(times @ sums, times @ counts))
    low, high = np.percentile(np.concatenate(found), INTERVAL).tolist()
    return low, high
