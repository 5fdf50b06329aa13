"""The command line: all commands together, and what becomes of an error or Ctrl-C.

The commands are in `emozoo.cli_*`: each parses, calls one workflow and renders. What it does is in the workflow's module,
how a result looks in `emozoo.cli.tables`. Nothing heavy is imported at the top, so that `--help` and `list` answer at once.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emozoo.cli.commands.benchmark import benchmark
from emozoo.cli.commands.card import card
from emozoo.cli.commands.check import check
from emozoo.cli.commands.demo import demo
from emozoo.cli.commands.evaluate import evaluate
from emozoo.cli.commands.export import export
from emozoo.cli.commands.info import info
from emozoo.cli.commands.list import list_
from emozoo.cli.commands.listen import listen
from emozoo.cli.commands.new import new
from emozoo.cli.commands.predict import predict
from emozoo.cli.commands.push import push
from emozoo.cli.commands.space import space
from emozoo.cli.commands.train import train
from emozoo.cli.completion import Completing
from emozoo.errors import EmozooError, of_the_machine
from emozoo.text import printable
from emozoo.version import version as emozoo_version

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer tells of words that are no command or no option; it may repeat the name of a file."""
_interrupts: list[int] = []
"""The signals so far that ask to end: Ctrl-C, SIGTERM, a terminal that is closed. A library that is interrupted, while it is
imported for one, may raise an error of its own instead."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    _interrupts.append(number)
    if number != signal.SIGINT:  # once is enough: what follows would disturb the tidying up
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Light:
    """Leaves alone the options that were not given: typer would import pydantic to find that nothing is nothing, which
    takes as long as the rest of `--help` or `list`."""

    def get_params(self, ctx: Any) -> Any:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if not parameter.required:
                parameter.process_value = partial(_process_given, parameter)
        return parameters


def _process_given(parameter: Any, ctx: typer.Context, value: Any) -> Any:
    return None if value is None else type(parameter).process_value(parameter, ctx, value)


class _Command(_Light, Completing):
    pass


class _Commands(_Light, TyperGroup):
    """Turns what a command raises into one line on standard error and an exit status."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        self.debug = "--debug" in words  # wherever it stands
        return super().main([word for word in words if word != "--debug"], *rest, **extra)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if isinstance(error, KeyboardInterrupt) or _interrupts:
                hint = "; --resume goes on after the last whole epoch" if ctx.invoked_subcommand == "train" else ""
                _tell(f"stopped{hint}")
                raise typer.Exit(128 + (_interrupts or [signal.SIGINT])[-1]) from None
            if isinstance(error, _UsageError):
                error.message = printable(error.message)  # type: ignore[attr-defined]
            sentence = str(error) if isinstance(error, EmozooError) else of_the_machine(error)
            if self.debug or sentence is None:
                raise
            _tell(f"error: {printable(sentence)}")
            raise typer.Exit(2) from None


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # standard error may be what is full
        typer.echo(line, err=True)


app = typer.Typer(
    name="emozoo",
    cls=_Commands,
    help="Recognises emotion in speech and video: trains, compares and runs networks that are plugins.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"emozoo {emozoo_version()}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; any command takes it.")
    ] = False,
) -> None:
    pass


for command in (
    train,
    evaluate,
    predict,
    listen,
    list_,
    info,
    benchmark,
    export,
    card,
    push,
    demo,
    space,
    check,
):
    app.command(command.__name__.strip("_"), cls=_Command if command is list_ else Completing)(command)
app.add_typer(new, name="new")


class _Remarks(logging.Handler):
    """Shows what modules have to say: warnings, and what they are busy with."""

    def emit(self, record: logging.LogRecord) -> None:
        from emozoo.cli.console import say, warn

        (warn if record.levelno >= logging.WARNING else say)(record.getMessage())


def main() -> None:
    """The `emozoo` command."""
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be text that the terminal can show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("emozoo")
    logger.addHandler(_Remarks())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) in (
            signal.default_int_handler,
            signal.SIG_DFL,
        ):  # not where it is ignored
            signal.signal(number, _interrupt)
    status: Any = 0
    try:
        app(prog_name=app.info.name)  # also as `python -m emozoo`: completion is for the command's name
    except SystemExit as ended:
        status = ended.code
    except Exception as error:  # with --debug, or a fault of emozoo's own
        if "--debug" not in sys.argv and (sentence := of_the_machine(error)):
            _tell(f"error: {printable(sentence)}")
            status = 2
        else:
            with contextlib.suppress(OSError):
                sys.stderr.write(printable(traceback.format_exc(), lines=True))
            status = 1
    raise SystemExit(_flushed(status))


def _flushed(status: Any) -> Any:
    """The exit status, now that standard output has taken all, or not: then 2, or 1 where its reader has left."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = status or 1
    except (OSError, ValueError) as error:
        if not status:
            _tell(f"error: cannot write to standard output: {of_the_machine(error) or error}")
        status = status or 2
    else:
        return status
    with contextlib.suppress(OSError, ValueError):  # what is left goes nowhere, lest Python complain of it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


if __name__ == "__main__":
    main()
