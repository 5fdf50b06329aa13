"""`3/8`: the third of eight shares of many clips."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
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

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def share(self, items: Iterable[T], name: Callable[[T], str]) -> list[T]:
        """Each item is in one share, which its name decides, whatever the other items are: tasks that list the items at
        different times share them alike. Shares of many items are about equal."""
        return [item for item in items if _number(name(item)) % self.of == self.number - 1]


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest())
