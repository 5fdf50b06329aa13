"""Names that the shell completes at the Tab key: architectures, datasets, readers, models and runs.

No plugin and nothing heavy is imported. Where nothing is offered here, the shell completes files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

SAFE = re.compile(r"[\w./@+-]+")
"""Which names are offered. Shells evaluate them, and strangers choose the names of plugins and folders."""
RUNS = "runs"
MOST_RUNS = 200


@dataclass(frozen=True)
class Offer:
    """A word that could follow, with the attributes of click's CompletionItem, which typer does not export."""

    value: str
    help: str | None = None
    type: str = "plain"


def architectures() -> list[str]:
    from emozoo.registry.entry_points import ARCHITECTURES

    return _names(ARCHITECTURES)


def datasets() -> list[str]:
    from emozoo.registry.entry_points import DATASETS

    return _names(DATASETS)


def diarizers() -> list[str]:
    from emozoo.registry.entry_points import DIARIZERS

    return _names(DIARIZERS)


def readers() -> list[str]:
    from emozoo.registry.entry_points import READERS

    return _names(READERS)


def _names(group: str) -> list[str]:
    from emozoo.registry import entry_points

    return [plugin.name for plugin in entry_points.plugins(group) if not plugin.problem]


def runs() -> list[str]:
    """The trained models under ./runs: `runs/NAME`, and `runs/NAME/fold1` and so on."""
    folder = Path(RUNS)
    found = chain(folder.glob("*/config.json"), folder.glob("*/fold*/config.json"))
    return sorted(path.parent.as_posix() for path in islice(found, MOST_RUNS))


def models() -> list[str]:
    from emozoo.checkpoint import named

    return [*named.names(), *runs()]


def comparable() -> list[str]:
    """Models, and the runs over all folds under ./runs."""
    return [*models(), *sorted(path.parent.as_posix() for path in islice(Path(RUNS).glob("*/summary.json"), MOST_RUNS))]


def plugins() -> list[str]:
    return [*architectures(), *datasets(), *readers()]


def networks() -> list[str]:
    return [*architectures(), *models()]


def everything() -> list[str]:
    return [*architectures(), *datasets(), *models()]


OFFERED: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("info", "name"): everything,
    ("compare", "runs"): comparable,
    ("check", "name"): plugins,
    ("benchmark", "name"): networks,
    ("", "architecture"): architectures,
    ("", "dataset"): datasets,
    ("", "diarizer"): diarizers,
    ("", "model"): models,
    ("", "start"): models,
    ("", "run"): runs,
}
"""By command (empty: any) and name of a parameter."""


def offers(names: Callable[[], Iterable[str]], ctx: Any, incomplete: str) -> list[Offer]:
    try:
        words = list(dict.fromkeys(names()))
    except Exception:  # Tab is no place for an error
        return []
    return [Offer(word) for word in words if word.startswith(incomplete) and SAFE.fullmatch(word)]
