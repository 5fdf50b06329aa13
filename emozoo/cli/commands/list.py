"""`emozoo list`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import Json, print_json
from emozoo.errors import EmozooError


def list_(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="Only with --hub: part of a model's name.")
    ] = None,
    on_hub: Annotated[bool, typer.Option("--hub", help="List models of the Hugging Face Hub instead.")] = False,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="QUERY",
            help="List only models that these words describe: a label, a corpus, a language, a licence, a name.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the installed architectures, datasets, diarizers, readers and models.

    Shows what each is, its best measured score, which distribution it comes from, and what is wrong with a broken one.
    """
    if on_hub and models is not None:
        raise EmozooError("--models and --hub are two lists: leave one out; emozoo list --hub QUERY searches the Hub")
    if on_hub:
        return _list_hub(query, as_json)
    if query is not None:
        raise EmozooError(f"emozoo list {query}: a query needs --hub or --models; emozoo info shows a single entry")
    if models is not None:
        return _list_models(models, as_json)
    _list_all(as_json)


def _list_all(as_json: bool) -> None:
    from emozoo.cli.console import say, waiting, warn
    from emozoo.cli.list_tables import show_models, show_plugins
    from emozoo.conformance.trial import checked_with_facts
    from emozoo.inspection.listing import bundled_entries, entries
    from emozoo.registry.entry_points import ALLOWED, KINDS, MODELS, switched_off, unknown_names

    with waiting("checking plugins"):
        tried = checked_with_facts(*KINDS)
    listed = {kind: entries(each for each in tried if each[0].group == group) for group, kind in KINDS.items()}
    listed[KINDS[MODELS]] = bundled_entries() + listed[KINDS[MODELS]]
    for name in unknown_names():
        warn(f"{ALLOWED} names {name!r}, but no installed plugin or distribution has that name")
    if off := [f"{each.name} ({each.distribution})" for each in switched_off()]:
        say(f"switched off, because {ALLOWED} does not name them: {', '.join(off)}")
    shipped = listed.pop(KINDS[MODELS])
    if as_json:
        plugins = {f"{kind}s": [entry.to_dict() for entry in found] for kind, found in listed.items()}
        print_json({**plugins, "models": [entry.model_dict() for entry in shipped]})
    else:
        show_plugins({f"{kind}s": found for kind, found in listed.items()})
        show_models(shipped)


def _list_models(query: str, as_json: bool) -> None:
    from emozoo.cli.console import say, waiting
    from emozoo.cli.list_tables import show_models, show_public
    from emozoo.conformance.trial import checked_with_facts
    from emozoo.inspection.listing import bundled_entries, entries, matches, public_matches
    from emozoo.registry.entry_points import MODELS

    with waiting("checking plugins"):
        tried = checked_with_facts(MODELS)
    found = [entry for entry in bundled_entries() + entries(tried) if matches(entry, query)]
    public = public_matches(query)
    if as_json:
        print_json(
            {
                "query": query,
                "models": [entry.model_dict() for entry in found],
                "public": [vars(model) for model in public],
            }
        )
        return
    if found:
        show_models(found)
    if public:
        show_public(public)
    if not found and not public:
        say(f"no model is described by {query}: emozoo list shows all, emozoo list --hub those of others")


def _list_hub(query: str | None, as_json: bool) -> None:
    from emozoo.cli.console import waiting, warn
    from emozoo.cli.list_tables import show_public
    from emozoo.cli.tables import show_hub
    from emozoo.hub.search import search
    from emozoo.inspection.listing import public_matches

    public = public_matches(query)
    problem = None
    try:
        with waiting("searching the Hub"):
            found = search(query)
    except EmozooError as error:
        if not public:
            raise
        found, problem = [], str(error)
    if as_json:
        told = {"models": [vars(model) for model in found], "public": [vars(model) for model in public]}
        print_json({**told, "problem": problem})
        return
    if public:
        show_public(public)
    if problem is None:
        show_hub(found)
    else:
        warn(f"only the models that this emozoo knows are shown: {problem}")
