"""`emozoo train --config STUDY`: what the trainings of a study mean to the command line, and how they are run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.checkpoint.run import RunOptions
    from emozoo.cli.study_file import Options
    from emozoo.training.study import Cell
    from emozoo.training.trackers import LogTo

BESIDE = ("config", "output", "resume", "device", "log", "as_json")
"""Parameters that may stand beside a study; a training of it has none of them but the device."""
PAIRS = frozenset({"set", "merge", "columns"})
SET_EPOCHS = re.compile(r"--set=\s*epochs\s*=")
SUFFIXES = (".yaml", ".yml", ".toml")


@dataclass
class Asked:
    """Takes what the words of trainings mean, in the place of training them."""

    each: list[RunOptions] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    def take(self, options: RunOptions, device: str) -> None:
        self.each.append(options)
        self.devices.add(device)


def is_study(config: str) -> bool:
    """Whether the file is a study, by its name."""
    return config.lower().endswith(SUFFIXES)


def run_study(
    ctx: typer.Context, config: str, output: str | None, device: str, given: Iterable[str], log_to: LogTo, as_json: bool
) -> None:
    """Trains what a study asks for, and prints a table of all its trainings. `given` are the parameters that stand on the
    command line. Ends with status 2 where a training has no result."""
    from emozoo.cli.interrupts import interrupts
    from emozoo.cli.options import print_json
    from emozoo.cli.study_table import show_study
    from emozoo.cli.training_progress import TrainingProgress
    from emozoo.training.study import check_study, train_study

    _check_beside(ctx, config, given)
    cells, own_device = cells_of(ctx, config)
    device = device if "device" in given else own_device
    folder = output or str(Path("runs", Path(config).stem))
    try:
        check_study(cells, folder, device)
    except EmozooError as error:
        raise EmozooError(f"{config}: {error}") from error
    with TrainingProgress() as progress:
        progress.message(f"{config}: {len(cells)} trainings; their folder is {folder}")
        results = train_study(
            cells, folder, device=device, progress=progress, stopped=lambda: bool(interrupts), log_to=log_to
        )
    if as_json:
        print_json({"study": folder, "cells": [each.to_dict() for each in results]})
    else:
        show_study(folder, results)
    _end(config, [each.cell.name for each in results if not each.result], len(results))


def _end(config: str, missing: list[str], count: int) -> None:
    from emozoo.cli.console import say

    if missing:
        say(
            f"error: no result from {len(missing)} of the {count} trainings of {config}: {', '.join(missing)}; the same "
            "command trains only these"
        )
        raise typer.Exit(2)  # by the error's own way, a second document would follow that of --json


def _check_beside(ctx: typer.Context, config: str, given: Iterable[str]) -> None:
    """Raises EmozooError for what a study says itself."""
    for name in given:
        if name not in BESIDE:
            called = next(parameter.opts[0] for parameter in ctx.command.params if parameter.name == name)
            called = called if called.startswith("-") else f"the {name}"
            raise EmozooError(
                f"{called} stands beside the study {config}: write it into that file; only --output, --device, --log, "
                "--resume and --json stand beside one"
            )
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise EmozooError(
            "a study trains in single processes: start the command once for each GPU instead, with --device cuda:0, "
            "cuda:1, ...; they share the trainings"
        )


def cells_of(ctx: typer.Context, config: str) -> tuple[list[Cell], str]:
    """The trainings, as the command line understands their words, and the device that the study names. `ctx` is that of
    `emozoo train`. Raises EmozooError for what is no study."""
    from emozoo.cli.study_file import read_study
    from emozoo.paths import user_path
    from emozoo.training.study import Cell

    cells = read_study(user_path(config), config, _options(ctx))
    asked = Asked()
    for cell in cells:
        if any(word.startswith("--epochs=") for word in cell.words) and any(map(SET_EPOCHS.match, cell.words)):
            raise EmozooError(f"{config}: {cell.name}: epochs stands in set and beside it: leave one of them out")
        words = [f"--output={cell.name}", *cell.words]  # or a free folder would be looked for
        try:
            with ctx.command.make_context(ctx.info_name, words, parent=ctx, obj=asked) as own:
                ctx.command.invoke(own)
        except EmozooError as error:
            raise EmozooError(f"{config}: {cell.name}: {error}") from error
    [device] = asked.devices
    return [Cell(cell.name, options) for cell, options in zip(cells, asked.each, strict=True)], device


def _options(ctx: typer.Context) -> Options:
    """The options of `emozoo train` that a study may name."""
    from emozoo.cli.study_file import Options

    texts, flags = {"architecture"}, {}
    for parameter in ctx.command.params:
        name = parameter.opts[0].removeprefix("--")
        if parameter.param_type_name != "option" or parameter.name in {*BESIDE, "help"} - {"device"}:
            continue
        if getattr(parameter, "is_flag", False):
            flags[name] = next(iter(parameter.secondary_opts), "")
        elif name not in PAIRS:
            texts.add(name)
    return Options(frozenset(texts), flags, PAIRS)
