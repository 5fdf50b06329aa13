"""What a point of a contract is, and how one is checked.

The points of an architecture are in `emozoo.conformance.network`, those of a dataset in `emozoo.conformance.corpus`, those
of a reader in `emozoo.conformance.reader`.
`emozoo check` and `emozoo.testing` check these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from emozoo.errors import brief

S = TypeVar("S")
HELD = "ok"
BROKEN = "broken"
LEFT_OUT = "skipped"


class Broken(Exception):
    """A point does not hold; the text says what was found instead."""


class LeftOut(Exception):
    """A point cannot be checked here; the text says why."""


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
    """False: a plugin may break it, which is only reported."""


@dataclass(frozen=True)
class Finding:
    """The result of checking a point."""

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
    """Checks a point. It is broken, too, by whatever the plugin's code raises."""
    try:
        return Finding(point, HELD, point.test(subject))
    except Broken as problem:
        return Finding(point, BROKEN, str(problem))
    except LeftOut as reason:
        return Finding(point, LEFT_OUT, str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return Finding(point, BROKEN, brief(error))
