"""`emozoo new`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from emozoo.cli.options import EmozooFrom
from emozoo.cli.parameters import Command, Group
from emozoo.text import printable

new = typer.Typer(
    cls=Group, help="Write a plugin of your own, ready to install, test and publish.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of the plugin: lowercase letters, digits and underscores, as in mean_pool."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Folder to create. Default: emozoo-NAME in the current folder, with dashes."),
]


@new.command(cls=Command)
def architecture(
    name: Name,
    video: Annotated[bool, typer.Option("--video", help="Write a network that uses video as well.")] = False,
    output: Output = None,
    emozoo_from: EmozooFrom = None,
) -> None:
    """Write a plugin with a network, and print its folder.

    The network can be trained at once. A model card, tests, a README and a licence come with it.
    """
    from emozoo.scaffold.write import write_plugin

    folder = write_plugin("video" if video else "architecture", name, output, emozoo_from=emozoo_from)
    _say_next(folder, f"emozoo train {name} --dataset toy", name, emozoo_from)


@new.command(cls=Command)
def dataset(name: Name, output: Output = None, emozoo_from: EmozooFrom = None) -> None:
    """Write a plugin that reads a dataset, and print its folder.

    Example data, tests, a README and a licence come with it.
    """
    from emozoo.scaffold.write import write_plugin

    train = f"python tests/example.py example && emozoo train cnn --dataset {name} --data-dir example --epochs 2"
    _say_next(write_plugin("dataset", name, output, emozoo_from=emozoo_from), train, name, emozoo_from)


@new.command(cls=Command)
def reader(name: Name, output: Output = None, emozoo_from: EmozooFrom = None) -> None:
    """Write a plugin that opens checkpoints of another library, and print its folder.

    An example checkpoint, tests, a README and a licence come with it.
    """
    from emozoo.scaffold.write import write_plugin

    info = "python tests/example.py example && emozoo info example"
    folder = write_plugin("reader", name, output, emozoo_from=emozoo_from)
    _say_next(folder, info, f"{name} --data-dir example", emozoo_from)


def _say_next(folder: Path, first: str, checked: str, emozoo_from: str | None) -> None:
    from emozoo.cli.console import say, warn
    from emozoo.requirement import remark

    steps = (f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", first, f"emozoo check {checked}", "pytest")
    typer.echo(printable(folder))
    say("next:")
    for step in steps:
        say(f"  {step}")
    if note := remark(emozoo_from):
        warn(note)
