"""The names of the folders of a study: telling, safe in any file system, unlike each other, and the same when more values
are added."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

LONGEST_VALUE, LONGEST_NAME = 40, 120
"""Characters of the name of a folder."""
PLAIN = re.compile(r"[a-z0-9][a-z0-9._,+-]*|-[0-9.]+")
"""A value that stands in the name of a folder as it is."""


def label_of(text: str) -> str:
    """A value in the name of a folder; a digest tells apart what would read alike."""
    if PLAIN.fullmatch(text) and len(text) <= LONGEST_VALUE:
        return text
    plain = re.sub(r"[^a-z0-9._,+]+", "_", text.lower()).strip("._,")[:LONGEST_VALUE]
    return f"{plain or 'value'}-{_digest(text)}"


def distinct(names: list[str], words: Sequence[Sequence[str]]) -> list[str]:
    """The names, shortened, and with a digest where two read alike, as `a-b` with `c` does like `a` with `b-c`."""
    alike = Counter(names)
    found = []
    for name, own in zip(names, words, strict=True):
        if alike[name] > 1:
            name = f"{name}-{_digest(' '.join(own))}"
        name = name or "training"
        found.append(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}-{_digest(name)}")
    return found


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
