"""How a model's probabilities are calibrated: `Calibration`, as config.json of a checkpoint holds it.

A temperature makes probabilities as high as answers are often right (Guo et al. 2017). A threshold makes of them a set of
labels that holds the true one in a given share of cases (split conformal prediction, Vovk et al. 2005; Angelopoulos and
Bates 2021). Both are fitted by `emozoo.evaluation.calibrate`; the formulas are in `emozoo.inference.conformal`. Importing
this costs no numpy.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.hints import from_json

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


@dataclass(frozen=True)
class Calibration:
    """A temperature, thresholds for sets of labels, and the clips that both were fitted on."""

    temperature: float
    coverages: tuple[float, ...]
    """The shares of cases that the thresholds are for, ascending."""
    lac: tuple[float | None, ...]
    """The largest score of a label in the set, for each coverage: 1 minus its probability. None: there were too few clips
    to fit it."""
    aps: tuple[float | None, ...]
    """The same, of another score: the probabilities of the label and of all that are more probable, added up."""
    dataset: str
    part: str
    """In words, such as `dev speakers of session fold 1 (Ses01)`."""
    clips: int
    speakers: int
    """Those whose names are known."""

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
            _check_thresholds(method, getattr(self, method), len(self.coverages))
        if not 1 <= self.clips <= MOST_CLIPS or not 0 <= self.speakers <= self.clips:
            raise ValueError("clips or speakers is out of range")

    @classmethod
    def from_dict(cls, document: Any) -> Calibration:
        """From the value of `calibration` in a config.json, perhaps a stranger's. Raises ValueError with the field."""
        return from_json(cls, document)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the value of `calibration` in config.json."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

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
        if not 0 < coverage < 1 or math.isnan(coverage):
            raise EmozooError(f"a coverage is a share between 0 and 1, such as 0.9, not {coverage:g}")
        place = bisect.bisect_left(self.coverages, coverage - 1e-9)
        thresholds: tuple[float | None, ...] = getattr(self, method)
        found = thresholds[place] if place < len(thresholds) else None
        if found is None:
            way_out = f"ask for {self.highest:g} or less" if self.highest else "leave the coverage out"
            raise EmozooError(
                f"this model was calibrated on {self.clips} clips, which promise no coverage of {coverage:g}: {way_out}, "
                "or calibrate it on more clips with emozoo calibrate"
            )
        return found

    @property
    def highest(self) -> float:
        """The highest coverage that can be asked for; 0 where there is none."""
        return max(
            (share for share, value in zip(self.coverages, self.lac, strict=True) if value is not None), default=0
        )


def _check_thresholds(method: str, thresholds: tuple[float | None, ...], count: int) -> None:
    fitted = [value for value in thresholds if value is not None]
    if len(thresholds) != count or list(thresholds[: len(fitted)]) != fitted:
        raise ValueError(f"{method} is not one threshold for each coverage")
    if not all(0 <= value <= 1 for value in fitted) or fitted != sorted(fitted):
        raise ValueError(f"{method} does not hold thresholds from 0 to 1, ascending")


def told(calibration: Calibration | None) -> str:
    """Whether a model is calibrated, and on what, in words."""
    if calibration is None:
        return "no (emozoo calibrate does it)"
    who = (
        f" of {calibration.speakers} speaker{'' if calibration.speakers == 1 else 's'}" if calibration.speakers else ""
    )
    return (
        f"temperature {calibration.temperature:.2f}, coverage up to {calibration.highest:g}; fitted on {calibration.clips} "
        f"clips{who}: {calibration.dataset}, {calibration.part}"
    )
