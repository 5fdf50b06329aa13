"""Whether a plugin keeps its contract, point by point: `check` goes through them, `Report` says what came of each.

Here is what a point is and what all plugins share. The points of an architecture are in `emozoo.conformance.network`, those
of a dataset in `emozoo.conformance.corpus`. `emozoo check` and `emozoo.testing` both go through these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from emozoo.errors import told

S = TypeVar("S")
HELD = "ok"
BROKEN = "broken"
LEFT_OUT = "skipped"


class Broken(Exception):
    """A point does not hold; the text says what was found instead."""


class LeftOut(Exception):
    """A point cannot be looked at here; the text says why."""


@dataclass(frozen=True)
class Point(Generic[S]):
    """One thing that a plugin promises."""

    name: str
    promise: str
    """What is expected, as a sentence without its full stop."""
    look: str
    """Where to look when it does not hold."""
    test: Callable[[S], str]
    """Returns what was found, in a few words. Raises Broken, LeftOut, or whatever the plugin's code raises."""
    required: bool = True
    """False: a plugin may do without; it is reported."""


@dataclass(frozen=True)
class Finding:
    """What came of a point."""

    point: Point[Any]
    state: str
    """`ok`, `broken` or `skipped`."""
    found: str

    @property
    def fails(self) -> bool:
        return self.state == BROKEN and self.point.required

    def __str__(self) -> str:
        """What was expected, what was found, and where to look."""
        return f"{self.point.name}: expected: {self.point.promise}; found: {self.found}; look at: {self.point.look}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "point": self.point.name,
            "state": self.state,
            "required": self.point.required,
            "expected": self.point.promise,
            "found": self.found,
            "look": self.point.look,
        }


def find(point: Point[S], subject: S) -> Finding:
    """Tries a point. Whatever the plugin's code raises breaks it."""
    try:
        return Finding(point, HELD, point.test(subject))
    except Broken as problem:
        return Finding(point, BROKEN, str(problem))
    except LeftOut as reason:
        return Finding(point, LEFT_OUT, str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return Finding(point, BROKEN, told(error))
