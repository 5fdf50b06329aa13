"""The commands for those who write plugins: `check`, and `new` with one command for each kind."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from emozoo.cli_options import DataDir, Device, EmozooFrom, Json, Settings, pairs, print_json
from emozoo.text import printable

new = typer.Typer(help="Write a plugin of your own, ready to install, test and publish.", no_args_is_help=True)


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
    from emozoo import render, render_check
    from emozoo.conformance import check as run

    settings = pairs(set_, "--set")
    with render.waiting(f"checking {name}"):
        report = run(name, settings=settings, data_dir=data_dir, device=device, heard=render_check.say_finding)
    if as_json:
        print_json(report.to_dict())
    else:
        render_check.show_check(report)
    if not report.holds:
        raise typer.Exit(1)


Name = Annotated[str, typer.Argument(help="Small letters, digits and underscores, such as mean_pool.")]
Output = Annotated[
    str | None, typer.Option(help="The folder to make. Default: emozoo-NAME, with dashes, in the current folder.")
]


@new.command()
def architecture(
    name: Name,
    video: Annotated[bool, typer.Option("--video", help="A network that sees the face as well.")] = False,
    output: Output = None,
    emozoo_from: EmozooFrom = None,
) -> None:
    """Write a distribution with a network that trains, its card, tests, README and licence, and print the folder."""
    from emozoo.scaffold import write_plugin

    folder = write_plugin("video" if video else "architecture", name, output, emozoo_from=emozoo_from)
    _tell(folder, f"emozoo train {name} --dataset toy", name, emozoo_from)


@new.command()
def dataset(name: Name, output: Output = None, emozoo_from: EmozooFrom = None) -> None:
    """Write a distribution with a dataset's reader, an example of its data, tests, README and licence; print the folder."""
    from emozoo.scaffold import write_plugin

    train = f"python tests/example.py example && emozoo train cnn --dataset {name} --data-dir example --epochs 2"
    _tell(write_plugin("dataset", name, output, emozoo_from=emozoo_from), train, name, emozoo_from)


def _tell(folder: Path, train: str, name: str, emozoo_from: str | None) -> None:
    from emozoo import render, requirement

    steps = (f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", train, f"emozoo check {name}", "pytest")
    typer.echo(printable(folder))
    render.say("next:")
    for step in steps:
        render.say(f"  {step}")
    if note := requirement.remark(emozoo_from):
        render.warn(note)
