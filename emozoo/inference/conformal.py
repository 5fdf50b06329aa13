"""The formulas of `emozoo.inference.calibration`: temperature scaling, and thresholds and margins of split conformal
prediction.

Probabilities are those of clips, the mean over each clip's windows, so the temperature is applied to their logarithms.
"""

from __future__ import annotations

import math

import numpy as np

from emozoo.inference.calibration import COVERAGES, TEMPERATURES

FLOOR = 1e-12
"""The smallest probability that is told from 0."""
ROUND = 1e6
"""Thresholds are rounded up to six digits: a set may only grow by that."""


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/T), scaled to add up to 1, for probabilities float [..., labels] -> float64 (Guo et al. 2017).

    The first of the most probable labels stays the first of the most probable ones, also where rounding would make two
    probabilities equal.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))
    top = np.asarray(probabilities).argmax(axis=-1, keepdims=True)
    powers = np.exp((logs - np.take_along_axis(logs, top, axis=-1)) / temperature)
    is_top = np.arange(logs.shape[-1]) == top
    powers = np.where(is_top, 1.0, np.minimum(powers, 1 - 1e-12))
    return powers / powers.sum(axis=-1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The temperature at which probabilities float [clips, labels] give the true labels, int [clips], the least negative
    log-likelihood, within `TEMPERATURES` (Guo et al. 2017).

    The likelihood is concave in 1/T, so its slope is halved in until it is found: the mean logarithm of the true label's
    probability less the mean expected under the scaled probabilities.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))
    own = np.take_along_axis(logs, np.asarray(true)[:, None], axis=-1).mean()
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(60):
        middle = (low + high) / 2
        slope = own - (scale(probabilities, 1 / middle) * logs).sum(axis=-1).mean()
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.clip(2 / (low + high), *TEMPERATURES))


def scores(probabilities: np.ndarray, method: str) -> np.ndarray:
    """How strange each label is, float64 [..., labels] in 0..1, for calibrated probabilities float [..., labels].

    `lac`: 1 - p (Sadinle et al. 2019). `aps`: the sum of p over the label and all that are more probable (Romano et al.
    2020), without their random part: the same clip always gets the same set, and the set is rather too large.
    """
    shares = np.asarray(probabilities, np.float64)
    if method == "lac":
        return 1 - shares
    order = np.argsort(-shares, axis=-1, kind="stable")
    sums = np.minimum(np.cumsum(np.take_along_axis(shares, order, axis=-1), axis=-1), 1.0)
    found = np.empty_like(sums)
    np.put_along_axis(found, order, sums, axis=-1)
    return found


def fit_thresholds(probabilities: np.ndarray, true: np.ndarray, method: str) -> tuple[float | None, ...]:
    """A threshold for each of `COVERAGES`, from calibrated probabilities float [clips, labels] and true labels, int [clips].

    Of n scores, it is the ⌈(n + 1) · coverage⌉-th smallest, so that a clip like these has its true label in the set with
    that probability at least (Vovk et al. 2005). None where that is more than n.
    """
    own = np.take_along_axis(scores(probabilities, method), np.asarray(true)[:, None], axis=-1)[:, 0]
    return _quantiles(own, 1.0)


def fit_margins(values: np.ndarray, rated: np.ndarray, bounded: bool) -> tuple[float | None, ...]:
    """How far the rating is from the value at most, for each of `COVERAGES`, from a model's values of a dimension, float
    [clips], and people's ratings, float [clips], both 0 to 1 where `bounded`.

    The margins are the same quantiles as thresholds are, of the absolute residuals (Lei et al. 2018, split conformal
    inference): for a clip like these, the value plus or minus its margin holds the rating with that probability at least.
    """
    residuals = np.abs(np.asarray(values, np.float64) - np.asarray(rated, np.float64))
    return _quantiles(residuals, 1.0 if bounded else np.inf)


def _quantiles(found: np.ndarray, most: float) -> tuple[float | None, ...]:
    own = np.sort(found)
    ranks = [math.ceil(round((len(own) + 1) * coverage, 9)) for coverage in COVERAGES]
    return tuple(_rounded_up(float(own[rank - 1]), most) if rank <= len(own) else None for rank in ranks)


def _rounded_up(score: float, most: float) -> float:
    return max(score, min(most, math.ceil(score * ROUND) / ROUND))


def label_set(probabilities: np.ndarray, threshold: float, method: str) -> tuple[int, ...]:
    """The labels whose score is no higher than the threshold, the most probable first; the most probable one always."""
    shares = np.asarray(probabilities, np.float64)
    order = np.argsort(-shares, kind="stable")
    inside = scores(shares, method)[order] <= threshold
    return tuple(int(label) for label in order[: max(1, int(inside.sum()))])


def inside(probabilities: np.ndarray, threshold: float, method: str) -> np.ndarray:
    """bool [clips, labels]: `label_set` of each row of probabilities float [clips, labels]."""
    found = scores(probabilities, method) <= threshold
    found[np.arange(len(found)), np.asarray(probabilities).argmax(axis=-1)] = True
    return found
