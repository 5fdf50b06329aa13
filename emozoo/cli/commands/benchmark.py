"""`emozoo benchmark`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import HUB, Device, Json, Precision, PrecisionOf, Settings, pairs, print_json
from emozoo.errors import EmozooError


def benchmark(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"An architecture, a run's folder, or {HUB}.")],
    set_: Settings = None,
    batch_sizes: Annotated[
        str | None,
        typer.Option(metavar="N,...", help="Windows in a batch, as in 1,8,64. Default: sizes that suit the device."),
    ] = None,
    precision: PrecisionOf = Precision.fp32,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure how fast a network runs on this machine.

    Shows parameters, FLOPs, latency, throughput, the time of a training step, memory, and the share of the machine's peak.
    """
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_info

    sizes = None if batch_sizes is None else _sizes(batch_sizes)
    with waiting("measuring"):
        from emozoo.inspection.benchmark import benchmark as run

        document = run(name, settings=pairs(set_, "--set"), device=device, batch_sizes=sizes, precision=precision.value)
    if as_json:
        print_json(document)
    else:
        show_info(document)


def _sizes(text: str) -> list[int]:
    sizes = [int(word) if word.strip().isdecimal() else 0 for word in text.split(",")]
    if min(sizes) < 1:
        raise EmozooError(f"--batch-sizes {text}: must be numbers from 1, as in 1,8,64")
    return sizes
