"""What the shell offers at the Tab key: architectures, datasets, models and runs, from metadata and the names of folders.

No plugin is imported, and nothing heavy. Where nothing is offered, the shell offers files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

SAFE = re.compile(r"[\w./@+-]+")
"""What a name may hold to be offered: shells evaluate the answer, and strangers name plugins and folders."""
RUNS = "runs"
MOST_RUNS = 200


@dataclass(frozen=True)
class Offer:
    """A word that could follow, in the form of click's CompletionItem, which typer keeps to itself."""

    value: str
    help: str | None = None
    type: str = "plain"


def architectures() -> list[str]:
    from emozoo.registry.entry_points import ARCHITECTURES

    return _names(ARCHITECTURES)


def datasets() -> list[str]:
    from emozoo.registry.entry_points import DATASETS

    return _names(DATASETS)


def _names(group: str) -> list[str]:
    from emozoo.registry import entry_points

    return [plugin.name for plugin in entry_points.plugins(group) if not plugin.problem]


def runs() -> list[str]:
    """The trained models under ./runs: `runs/NAME`, and `runs/NAME/fold1` and so on."""
    folder = Path(RUNS)
    found = chain(folder.glob("*/config.json"), folder.glob("*/fold*/config.json"))
    return sorted(path.parent.as_posix() for path in islice(found, MOST_RUNS))


def models() -> list[str]:
    from emozoo.checkpoint import bundled

    return [*bundled.names(), *runs()]


def plugins() -> list[str]:
    return [*architectures(), *datasets()]


def networks() -> list[str]:
    return [*architectures(), *models()]


def everything() -> list[str]:
    return [*architectures(), *datasets(), *models()]


OFFERED: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("info", "name"): everything,
    ("check", "name"): plugins,
    ("benchmark", "name"): networks,
    ("", "architecture"): architectures,
    ("", "dataset"): datasets,
    ("", "model"): models,
    ("", "start"): models,
    ("", "run"): runs,
}
"""By command, or for all of them, and by the name of a parameter."""


def offers(names: Callable[[], Iterable[str]], ctx: Any, incomplete: str) -> list[Offer]:
    try:
        words = list(dict.fromkeys(names()))
    except Exception:  # Tab is no place for an error
        return []
    return [Offer(word) for word in words if word.startswith(incomplete) and SAFE.fullmatch(word)]


class Completing(TyperCommand):
    """A command whose parameters offer what they may be."""

    def get_params(self, ctx: Any) -> Any:
        parameters: Any = super().get_params(ctx)
        for parameter in parameters:
            names = OFFERED.get((self.name or "", parameter.name or "")) or OFFERED.get(("", parameter.name or ""))
            if names:
                parameter.shell_complete = partial(offers, names)
        return parameters
