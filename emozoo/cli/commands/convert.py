"""`emozoo convert`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import HUB, Json, Settings, pairs, print_json
from emozoo.errors import EmozooError


def convert(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help=f"Another library's checkpoint: a folder, or {HUB}. With --architecture: a safetensors file with that "
            "network's state dict.",
        ),
    ],
    output: Annotated[str, typer.Option(metavar="FOLDER", help="A new folder, which becomes the checkpoint.")],
    architecture: Annotated[
        str | None, typer.Option(metavar="NAME", help="The architecture that the state dict belongs to.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="EMOTION,...", help="With --architecture: the emotions, in the order of the outputs."),
    ] = None,
    set_: Settings = None,
    as_json: Json = False,
) -> None:
    """Write a model of another library, or a network's own weights, as a checkpoint of emozoo.

    Each tensor must have its place in the network, and each place its tensor. Then the folder can be pushed, exported and
    fine-tuned like a run's.
    """
    from emozoo.cli.console import line, out, waiting

    if architecture is None and (labels or set_):
        raise EmozooError("--labels and --set go with --architecture, for a state dict; a checkpoint brings its own")
    if architecture is not None and not labels:
        raise EmozooError("name the emotions, in the order of the network's outputs: --labels happy,sad,angry,neutral")
    with waiting("converting"):
        from emozoo.checkpoint.convert import convert as convert_checkpoint
        from emozoo.checkpoint.convert import convert_weights

        if architecture is None:
            made = convert_checkpoint(model, output)
        else:
            words = [word.strip() for word in (labels or "").split(",")]
            made = convert_weights(model, architecture, words, output, pairs(set_, "--set"))
    if as_json:
        print_json({"folder": output, "architecture": made.architecture.name, "labels": list(made.outputs.names)})
    else:
        out.print(line(f"{output}: {made.architecture.name}, {', '.join(made.outputs.names)}"), soft_wrap=True)
