"""`emozoo list`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.checkpoint.bundled import describe
from emozoo.cli.options import Json, print_json
from emozoo.errors import EmozooError


def list_(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="Only with --hub: part of a model's name.")
    ] = None,
    on_hub: Annotated[bool, typer.Option("--hub", help="List models on the Hugging Face Hub instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the installed architectures, datasets, diarizers, readers and models.

    Shows which distribution each plugin comes from, and what is wrong with a broken one.
    """
    from emozoo.cli.console import say, waiting, warn
    from emozoo.cli.tables import show_bundled, show_plugins
    from emozoo.conformance.trial import checked
    from emozoo.registry.entry_points import ALLOWED, KINDS, switched_off, unknown_names

    if on_hub:
        return _list_hub(query, as_json)
    if query is not None:
        raise EmozooError(f"emozoo list {query}: a query needs --hub; emozoo info shows a single entry")
    with waiting("checking plugins"):
        tried = checked(*KINDS)
    listed = {f"{kind}s": [each for each in tried if each.group == group] for group, kind in KINDS.items()}
    for name in unknown_names():
        warn(f"{ALLOWED} names {name!r}, but no installed plugin or distribution has that name")
    if off := [f"{each.name} ({each.distribution})" for each in switched_off()]:
        say(f"switched off, because {ALLOWED} does not name them: {', '.join(off)}")
    if as_json:
        print_json(
            {
                **{
                    kind: [
                        {
                            "name": plugin.name,
                            "distribution": plugin.distribution,
                            "version": plugin.version,
                            "state": "broken" if plugin.problem else "ok",
                            "problem": plugin.problem,
                        }
                        for plugin in plugins
                    ]
                    for kind, plugins in listed.items()
                },
                "models": describe(),
            }
        )
    else:
        show_plugins(listed)
        show_bundled(describe())


def _list_hub(query: str | None, as_json: bool) -> None:
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_hub
    from emozoo.hub.search import search

    with waiting("searching the Hub"):
        found = search(query)
    if as_json:
        print_json({"models": [vars(model) for model in found]})
    else:
        show_hub(found)
