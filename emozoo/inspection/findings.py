"""What was found in a corpus: `Finding`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that a person who wants to train on the corpus should know."""

    kind: str
    """A word for programs, such as `copies`."""
    text: str
    """A sentence without its full stop."""
    problem: bool = True
    """Whether it should be put right; False for what is only worth knowing."""
    clips: tuple[str, ...] = ()
    """Names of all clips, or groups of clips, that it is about; empty where it is about the corpus."""

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "problem": self.problem, "text": self.text, "clips": list(self.clips)}


def clips(count: int) -> str:
    """`1 clip`, or `7 clips`."""
    return f"{count} clip{'s' if count != 1 else ''}"


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Problems before what is only worth knowing, each in the given order."""
    return tuple(sorted(findings, key=lambda finding: not finding.problem))
