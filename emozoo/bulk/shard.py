"""`3/8`: the third of eight equal shares of many clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from emozoo.errors import EmozooError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    number: int
    """From 1."""
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Raises EmozooError for another text."""
        found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise EmozooError(f"--shard {text}: must be a number and how many there are, as in 3/8, from 1/8 to 8/8")
        return cls(int(found[1]), int(found[2]))

    def share(self, items: Sequence[T]) -> list[T]:
        """Every `of`th item: shares differ by one item at most, and each item is in one of them."""
        return list(items[self.number - 1 :: self.of])
