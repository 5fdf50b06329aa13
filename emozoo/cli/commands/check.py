"""`emozoo check`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import DataDir, Device, Json, Settings, pairs, print_json


def check(
    name: Annotated[str, typer.Argument(help="An architecture or a dataset, as emozoo list shows it.")],
    set_: Settings = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Prove that a plugin keeps its contract, point by point, with a short training on the toy corpus.

    The exit status is 1 when a point does not hold that is required. A dataset needs its data: --data-dir.
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
