"""The commands that tell what there is: `list`, `info`, `benchmark`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo import bundled
from emozoo.cli_options import Device, Json, Settings, pairs, print_json
from emozoo.errors import EmozooError


def list_(
    query: Annotated[str | None, typer.Argument(help="With --hub: a part of the name.")] = None,
    on_hub: Annotated[bool, typer.Option("--hub", help="Models on the Hugging Face Hub instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show the architectures, datasets and models at hand, where they come from, and what is wrong with those that fail."""
    from emozoo import registry, render, trial

    if on_hub:
        return _list_hub(query, as_json)
    if query is not None:
        raise EmozooError(f"emozoo list {query}: a part of a name goes with --hub; emozoo info shows one entry")
    with render.waiting("trying plugins"):
        tried = trial.checked(*registry.KINDS)
    listed = {f"{kind}s": [each for each in tried if each.group == group] for group, kind in registry.KINDS.items()}
    for name in registry.unknown_names():
        render.warn(f"{registry.ALLOWED} names {name!r}, and no installed plugin or distribution is called so")
    if off := [f"{each.name} ({each.distribution})" for each in registry.switched_off()]:
        render.say(f"switched off, as {registry.ALLOWED} does not name them: {', '.join(off)}")
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
                "models": bundled.describe(),
            }
        )
    else:
        render.show_plugins(listed)
        render.show_bundled(bundled.describe())


def info(
    name: Annotated[
        str,
        typer.Argument(
            help="An architecture, a dataset, a model in the box or folder of one, or hub:user/name[@revision]."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show one of them: an architecture's layers, settings, recipe, citation and results; a dataset's labels and terms."""
    from emozoo import render
    from emozoo.info import describe

    document = describe(name)
    if as_json:
        print_json(document)
    else:
        render.show_info(document)


def benchmark(
    name: Annotated[str, typer.Argument(help="An architecture, a run's folder, or hub:user/name[@revision].")],
    set_: Settings = None,
    batch_sizes: Annotated[
        str | None, typer.Option(help="Windows answered at once, as in 1,8,64. Default: some that suit the device.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a network here: parameters, FLOPs, latency, throughput, training step, memory, share of the machine's peak."""
    from emozoo import render

    sizes = [
        int(word) if word.strip().isdigit() else 0 for word in ("1" if batch_sizes is None else batch_sizes).split(",")
    ]
    if min(sizes) < 1:
        raise EmozooError(f"--batch-sizes {batch_sizes}: must be numbers from 1, as in 1,8,64")
    with render.waiting("measuring"):
        from emozoo.benchmark import benchmark as run

        document = run(
            name, settings=pairs(set_, "--set"), device=device, batch_sizes=sizes if batch_sizes is not None else None
        )
    if as_json:
        print_json(document)
    else:
        render.show_info(document)


def _list_hub(query: str | None, as_json: bool) -> None:
    from emozoo import hub, render

    with render.waiting("asking the Hub"):
        found = hub.search(query)
    if as_json:
        print_json({"models": [vars(model) for model in found]})
    else:
        render.show_hub(found)
