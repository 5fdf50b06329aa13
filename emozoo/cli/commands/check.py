"""`emozoo check`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import DataDir, Device, Json, Settings, pairs, print_json


def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An architecture, a dataset or a reader; emozoo list shows them.")
    ],
    set_: Settings = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Check that a plugin keeps its contract, point by point.

    A network is trained for a short time on the toy dataset. A dataset, or a checkpoint that a reader opens, is read from
    --data-dir. The exit status is 1 if a required point does not hold.
    """
    from emozoo.cli.check_table import say_finding, show_check
    from emozoo.cli.console import waiting
    from emozoo.conformance.check import check as run

    settings = pairs(set_, "--set")
    with waiting(f"checking {name}"):
        report = run(name, settings=settings, data_dir=data_dir, device=device, on_finding=say_finding)
    if as_json:
        print_json(report.to_dict())
    else:
        show_check(report)
    if not report.holds:
        raise typer.Exit(1)
