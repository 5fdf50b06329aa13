"""`emozoo new`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from emozoo.cli.options import EmozooFrom
from emozoo.text import printable

new = typer.Typer(help="Write a plugin of your own, ready to install, test and publish.", no_args_is_help=True)


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
    from emozoo.scaffold.write import write_plugin

    folder = write_plugin("video" if video else "architecture", name, output, emozoo_from=emozoo_from)
    _tell(folder, f"emozoo train {name} --dataset toy", name, emozoo_from)


@new.command()
def dataset(name: Name, output: Output = None, emozoo_from: EmozooFrom = None) -> None:
    """Write a distribution with a dataset's reader, an example of its data, tests, README and licence; print the folder."""
    from emozoo.scaffold.write import write_plugin

    train = f"python tests/example.py example && emozoo train cnn --dataset {name} --data-dir example --epochs 2"
    _tell(write_plugin("dataset", name, output, emozoo_from=emozoo_from), train, name, emozoo_from)


def _tell(folder: Path, train: str, name: str, emozoo_from: str | None) -> None:
    from emozoo.cli.console import say, warn
    from emozoo.requirement import remark

    steps = (f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", train, f"emozoo check {name}", "pytest")
    typer.echo(printable(folder))
    say("next:")
    for step in steps:
        say(f"  {step}")
    if note := remark(emozoo_from):
        warn(note)
