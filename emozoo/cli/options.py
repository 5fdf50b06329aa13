"""Options that several commands share, and how their words become values. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from emozoo.errors import EmozooError
from emozoo.text import json_text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Model = Annotated[str, typer.Option(help="A run's folder, hub:user/name[@revision], or a model in the box.")]
Speaker = Annotated[
    list[str] | None,
    typer.Option(
        help="Other recordings of the person who speaks, to adapt to: a file, folder or quoted pattern; "
        "may be given again."
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        help="Folder of the dataset, or a manifest's file or hub:user/name. EMOZOO_IEMOCAP names IEMOCAP's as well."
    ),
]
Merge = Annotated[
    list[str] | None, typer.Option(help="Counts one emotion as another, as in excited=happy; may be given again.")
]
Protocol = Annotated[
    str | None,
    typer.Option(help="How to split: session, speaker, group-5, corpus, random, split. Each dataset has a usual one."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the network or its recipe (emozoo info shows them)."),
]
EmozooFrom = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="The emozoo to ask pip for: a version, a git+https:// address or a path. Default: the installed version.",
        show_default=False,
    ),
]


def print_json(document: Any) -> None:
    typer.echo(json_text(document, indent=2))


def pairs(items: Iterable[str] | None, option: str) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping. Raises EmozooError, naming the option, for another word."""
    found: dict[str, str] = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise EmozooError(f"{option} {item}: must be KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def own_folder(folder: str, what: str) -> str:
    from emozoo.hub.reference import is_reference

    if is_reference(folder):
        raise EmozooError(f"{what} starts from a run's folder, not from {folder}")
    return folder


def merges(items: list[str] | None) -> dict[str, str]:
    return pairs([pair for item in items or () for pair in item.split(",")], "--merge")
