"""How a model's probabilities are calibrated: `Calibration`, as config.json of a checkpoint holds it.

A temperature makes probabilities as high as answers are often right (Guo et al. 2017). A threshold makes of them a set of
labels that holds the true one in a given share of cases (split conformal prediction, Vovk et al. 2005; Angelopoulos and
Bates 2021), and a margin makes of a dimension's value an interval that holds people's rating (Lei et al. 2018). All are
fitted by `emozoo.evaluation.calibrate`; the formulas are in `emozoo.inference.conformal`. Importing this
costs no numpy.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.hints import from_json, to_json

if TYPE_CHECKING:
    import numpy as np

METHODS = ("lac", "aps")
"""LAC: the labels whose probability is high enough (Sadinle et al. 2019). APS: the most probable labels, until they add up
to enough (Romano et al. 2020)."""
METHOD = "lac"
"""By which the sets of answers are made: its sets are the smaller ones (docs/calibration.md)."""
COVERAGES = tuple(round(0.50 + 0.01 * step, 2) for step in range(50))
"""The coverages that thresholds are fitted for: 0.50 to 0.99."""
TEMPERATURES = (0.05, 20.0)
"""The lowest and the highest: what is fitted on clips that are all answered rightly has no lowest of its own."""
MOST_CLIPS = 2**31
LARGEST_RESIDUAL = 1000.0
"""Of a model whose scale is not known: else they are 1 at most."""


@dataclass(frozen=True)
class Calibration:
    """A temperature, thresholds for sets of labels, margins for dimensions, and the clips that they were fitted on."""

    temperature: float
    """1 for dimensions alone."""
    coverages: tuple[float, ...]
    """The shares of cases that the thresholds and margins are for, ascending."""
    lac: tuple[float | None, ...]
    """The largest score of a label in the set, for each coverage: 1 minus its probability. None: there were too few clips
    to fit it, or there are no labels."""
    aps: tuple[float | None, ...]
    """The same, of another score: the probabilities of the label and of all that are more probable, added up."""
    dataset: str
    part: str
    """In words, such as `dev speakers of session fold 1 (Ses01)`."""
    clips: int
    speakers: int
    """Those whose names are known."""
    residuals: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    """By dimension, for each coverage: how far people's rating is from the model's value at most, both 0 to 1. None: there
    were too few rated clips to fit it."""
    middles: dict[str, float] = field(default_factory=dict)
    """By dimension, the mean of the model's values."""

    def __post_init__(self) -> None:
        """Raises ValueError for values that nothing is ever fitted to."""
        low, high = TEMPERATURES
        if not low <= self.temperature <= high:
            raise ValueError(f"temperature is not in {low} to {high}")
        if not 1 <= len(self.coverages) <= 1000 or not all(0 < share < 1 for share in self.coverages):
            raise ValueError("coverages are not between 0 and 1")
        if any(one >= other for one, other in zip(self.coverages, self.coverages[1:], strict=False)):
            raise ValueError("coverages do not ascend")
        for method in METHODS:
            _check_thresholds(method, getattr(self, method), len(self.coverages), 1.0)
        for name, margins in self.residuals.items():
            _check_thresholds(f"residuals: {name}", margins, len(self.coverages), LARGEST_RESIDUAL)
        if not all(map(math.isfinite, self.middles.values())):
            raise ValueError("middles are no numbers")
        if not 1 <= self.clips <= MOST_CLIPS or not 0 <= self.speakers <= self.clips:
            raise ValueError("clips or speakers is out of range")

    @classmethod
    def from_dict(cls, document: Any) -> Calibration:
        """From the value of `calibration` in a config.json, perhaps a stranger's. Raises ValueError with the field."""
        return from_json(cls, document)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the value of `calibration` in config.json."""
        return {name: to_json(value) for name, value in vars(self).items() if value != {}}

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Calibrated probabilities float64 [..., labels] of a file, a window or a clip: see `conformal.scale`. The most
        probable label stays the same."""
        from emozoo.inference.conformal import scale

        return scale(probabilities, self.temperature)

    def prediction_set(self, probabilities: np.ndarray, coverage: float, method: str = METHOD) -> tuple[int, ...]:
        """The numbers of the labels that hold the true one in `coverage` of cases, the most probable first; never empty.

        `probabilities` float [labels] are calibrated ones, as `apply` gives them. A coverage between two that were fitted
        takes the higher. Raises EmozooError for one that cannot be promised.
        """
        from emozoo.inference.conformal import label_set

        return label_set(probabilities, self.threshold(coverage, method), method)

    def threshold(self, coverage: float, method: str = METHOD) -> float:
        """The largest score of a label in the set. Raises EmozooError for a coverage that cannot be promised: not between 0
        and 1, or so high that these clips were too few for it."""
        return self._fitted(getattr(self, method), coverage)

    def interval(self, dimension: str, value: float, coverage: float, bounded: bool) -> tuple[float, float]:
        """The values between which people's rating lies in `coverage` of cases, for a model's `value` of a dimension;
        `bounded`: both are 0 to 1. Raises EmozooError as `margin` does."""
        margin = self.margin(dimension, coverage)
        low, high = value - margin, value + margin
        return (max(low, 0.0), min(high, 1.0)) if bounded else (low, high)

    def margin(self, dimension: str, coverage: float) -> float:
        """How far people's rating of a dimension is from the model's value in `coverage` of cases, at most. Raises
        EmozooError as `threshold` does, and for a dimension that was not calibrated."""
        if dimension not in self.residuals:
            raise EmozooError(
                f"this model was calibrated without ratings of {dimension}, so no interval has a known coverage: calibrate "
                "it on rated clips with emozoo calibrate"
            )
        return self._fitted(self.residuals[dimension], coverage)

    def _fitted(self, thresholds: tuple[float | None, ...], coverage: float) -> float:
        if not 0 < coverage < 1 or math.isnan(coverage):
            raise EmozooError(f"a coverage is a share between 0 and 1, such as 0.9, not {coverage:g}")
        place = bisect.bisect_left(self.coverages, coverage - 1e-9)
        found = thresholds[place] if place < len(thresholds) else None
        if found is None:
            way_out = f"ask for {self.highest:g} or less" if self.highest else "leave the coverage out"
            raise EmozooError(
                f"this model was calibrated on {self.clips} clips, which promise no coverage of {coverage:g}: {way_out}, "
                "or calibrate it on more clips with emozoo calibrate"
            )
        return found

    @property
    def has_labels(self) -> bool:
        """Whether it is of probabilities, too, and not of dimensions alone."""
        return not self.residuals or any(value is not None for value in self.lac)

    @property
    def highest(self) -> float:
        """The highest coverage that can be asked for; 0 where there is none."""
        fitted = list(self.residuals.values())
        if self.has_labels:
            fitted.append(self.lac)
        known = min(sum(value is not None for value in values) for values in fitted)
        return self.coverages[known - 1] if known else 0


def _check_thresholds(method: str, thresholds: tuple[float | None, ...], count: int, most: float) -> None:
    fitted = [value for value in thresholds if value is not None]
    if len(thresholds) != count or list(thresholds[: len(fitted)]) != fitted:
        raise ValueError(f"{method} is not one threshold for each coverage")
    if not all(0 <= value <= most for value in fitted) or fitted != sorted(fitted):
        raise ValueError(f"{method} does not hold thresholds from 0 to {most:g}, ascending")


def sentence_of(calibration: Calibration | None) -> str:
    """Whether a model is calibrated, and on what, in words."""
    if calibration is None:
        return "no (emozoo calibrate does it)"
    who = (
        f" of {calibration.speakers} speaker{'' if calibration.speakers == 1 else 's'}" if calibration.speakers else ""
    )
    temperature = f"temperature {calibration.temperature:.2f}, " if calibration.has_labels else ""
    return (
        f"{temperature}coverage up to {calibration.highest:g}; fitted on {calibration.clips} clips{who}: "
        f"{calibration.dataset}, {calibration.part}"
    )
