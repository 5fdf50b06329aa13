"""The models that a demo page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.checkpoint.named import folder_of
from emozoo.errors import EmozooError
from emozoo.filenames import README

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel


@dataclass(frozen=True)
class Shown:
    """A model on the page."""

    model: EmotionModel
    name: str
    facts: dict[str, Any]
    """As in `emozoo info`."""
    card: str
    """What its card says of its scores, as Markdown; empty if `facts` have them."""


def load_models(references: Sequence[str], device: str = "auto") -> list[Shown]:
    """The models of a page. Raises EmozooError for a model that cannot be loaded or is named twice."""
    from emozoo.checkpoint.locate import resolve
    from emozoo.checkpoint.opening import load
    from emozoo.filenames import METRICS
    from emozoo.hub.reference import name_of
    from emozoo.inspection.describe import describe_checkpoint

    found: list[Shown] = []
    for reference in references or (DEFAULT,):
        name = name_of(reference)
        if any(each.name == name for each in found):
            raise EmozooError(f"--model {name} is named twice: each is shown once")
        loaded = load(reference, device)
        loaded.preparation.require(name)
        folder = resolve(reference, weights=False, extra=(METRICS,))
        facts = describe_checkpoint(folder, name)
        own = folder_of(reference) is not None and "test_results" not in facts
        found.append(Shown(loaded, name, facts, _section(folder / README, "How accurate it is") if own else ""))
    return found


def _section(card: Path, title: str) -> str:
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()
