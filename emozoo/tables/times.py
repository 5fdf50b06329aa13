"""Times within a file, as tables write them, in seconds."""

from __future__ import annotations

import re

LONGEST = 1e7
"""Seconds, about four months: no recording is longer."""
LONGEST_TEXT = 60
"""Characters of a time."""
UNITS = {
    "": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "msecs": 1e-3, "millis": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
}  # fmt: skip
"""Seconds by the name of a unit."""

_NUMBER = re.compile(
    rf"(?P<number>(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)\s*(?P<unit>{'|'.join(sorted(UNITS, reverse=True))})", re.ASCII
)
_CLOCK = re.compile(
    r"(?:(?P<days>\d+) ?days?,?)?(?:(?:^|\s)\+?(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)(?P<seconds>\d+(?:[.,]\d+)?))?",
    re.ASCII,
)


def seconds(text: str, unit: float = 1.0, decimal_comma: bool = False) -> float:
    """A time of 0 or more: `12.5`, `12.5 s`, `1500 ms`, `1:02.5`, `00:01:02.5` or `0 days 00:01:02.5`.

    1 in a number without a unit is `unit` seconds; with `decimal_comma` it may be `12,5`. Raises ValueError for anything
    else.
    """
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{text[:LONGEST_TEXT]!r}... is no time: it is too long")
    written = text.strip().lower()
    if match := _NUMBER.fullmatch(written):
        if decimal_comma or "," not in match["number"]:
            scale = UNITS[match["unit"]] if match["unit"] else unit
            return _checked(float(match["number"].replace(",", ".")) * scale, text)
    elif written and (match := _CLOCK.fullmatch(written)):
        days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
        rest = float((match["seconds"] or "0").replace(",", "."))
        if rest < 60 and (minutes < 60 or match["hours"] is None) and (hours < 24 or match["days"] is None):
            return _checked(((days * 24 + hours) * 60 + minutes) * 60 + rest, text)
    raise ValueError(f"{text!r} is no time, such as 12.5 (seconds) or 0:01:02.5")


def _checked(value: float, text: str) -> float:
    if not value <= LONGEST:
        raise ValueError(f"{text!r} is no time within a recording: it is too large")
    return value
