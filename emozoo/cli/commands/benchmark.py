"""`emozoo benchmark`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import Device, Json, Settings, pairs, print_json
from emozoo.errors import EmozooError


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
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_info

    sizes = [
        int(word) if word.strip().isdigit() else 0 for word in ("1" if batch_sizes is None else batch_sizes).split(",")
    ]
    if min(sizes) < 1:
        raise EmozooError(f"--batch-sizes {batch_sizes}: must be numbers from 1, as in 1,8,64")
    with waiting("measuring"):
        from emozoo.inspection.benchmark import benchmark as run

        document = run(
            name, settings=pairs(set_, "--set"), device=device, batch_sizes=sizes if batch_sizes is not None else None
        )
    if as_json:
        print_json(document)
    else:
        show_info(document)
