"""How commands treat their parameters: names at the Tab key, short placeholders in help, no cost for what is not given.

typer has no option for these. So they are set on the parameters of each command, here and nowhere else, through names that
typer documents or has without an underscore.
"""

from __future__ import annotations

import shutil
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from emozoo.cli.completion import OFFERED, offers
from emozoo.errors import EmozooError

BOX_COLUMNS = 80
"""In a narrower terminal, options are listed without boxes, which would cut words off."""


class _Parameters:
    """For commands and groups of typer: adjusts what `get_params` gives."""

    name: str | None

    def get_params(self, ctx: Any) -> Any:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter.display_type_rich = partial(_placeholder, parameter)
            if not parameter.required:
                parameter.process_value = partial(_process_given, parameter)
            names = OFFERED.get((self.name or "", parameter.name)) or OFFERED.get(("", parameter.name))
            if names:
                parameter.shell_complete = partial(offers, names)
        return parameters


class Command(_Parameters, TyperCommand):
    """A command of emozoo."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if shutil.get_terminal_size().columns < BOX_COLUMNS:
            self.rich_markup_mode = None
        super().format_help(ctx, formatter)


class Group(_Parameters, TyperGroup):
    """A command that has commands of its own."""


def _placeholder(parameter: Any, ctx: typer.Context) -> str:
    """What help shows beside a parameter: nothing for flags and arguments, where typer shows <bool> and <str>."""
    if parameter.param_type_name == "argument" or parameter.is_flag:
        return ""
    return str(type(parameter).display_type_rich(parameter, ctx) or "").strip("<>")


def _process_given(parameter: Any, ctx: typer.Context, value: Any) -> Any:
    """Skips options that were not given: to convert None, typer would import pydantic, as slow as the rest of `list`.

    A wrong value raises an EmozooError that names it, with typer's reason.
    """
    if value is None:
        return None
    try:
        return type(parameter).process_value(parameter, ctx, value)
    except Exception as error:
        if not hasattr(error, "format_message"):  # of typer's, whose class for it moved between versions
            raise
        reason = str(getattr(error, "message", error)).removesuffix(".").partition(", unable to parse")[0]
        reason = reason.removeprefix("Value error, ").removeprefix(f"{value!r} ").replace("Input should be", "must be")
        raise EmozooError(f"{parameter.opts[0]} {value}: {reason}") from error
