"""The command line: all commands together, and how errors and Ctrl-C end them.

Each module of `emozoo.cli.commands` parses options, calls one function and prints its result. Nothing heavy is imported
at the top, so `--help` and `list` are fast.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer

from emozoo.cli.commands.benchmark import benchmark
from emozoo.cli.commands.calibrate import calibrate
from emozoo.cli.commands.card import card
from emozoo.cli.commands.check import check
from emozoo.cli.commands.compare import compare
from emozoo.cli.commands.convert import convert
from emozoo.cli.commands.demo import demo
from emozoo.cli.commands.embed import embed
from emozoo.cli.commands.evaluate import evaluate
from emozoo.cli.commands.export import export
from emozoo.cli.commands.fetch import fetch
from emozoo.cli.commands.info import info
from emozoo.cli.commands.list import list_
from emozoo.cli.commands.listen import listen
from emozoo.cli.commands.new import new
from emozoo.cli.commands.predict import predict
from emozoo.cli.commands.push import push
from emozoo.cli.commands.serve import serve
from emozoo.cli.commands.space import space
from emozoo.cli.commands.train import train
from emozoo.cli.commands.tune import tune
from emozoo.cli.interrupts import interrupts
from emozoo.cli.parameters import Command, Group
from emozoo.errors import EmozooError, of_the_machine
from emozoo.text import SCHEMA, json_text, printable
from emozoo.version import version as emozoo_version

CONTINUED = {
    "train": "; --resume continues after the last complete epoch",
    "fetch": "; the same command continues the download",
    "tune": "; the same command goes on after the last finished trial",
}
"""How to go on with an interrupted command."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    interrupts.append(number)
    if number != signal.SIGINT:  # a second one would disturb the cleanup
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Commands(Group):
    """Turns what a command raises into one line on standard error and an exit status."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        standalone = extra.pop("standalone_mode", True)
        words = list(sys.argv[1:] if args is None else args)
        self.debug = "--debug" in words  # wherever it stands
        words = [word for word in words if word != "--debug"]
        self.json = bool({"--json", "--jsonl"} & set(words))
        try:
            status = super().main(words, *rest, **extra | {"standalone_mode": False})
        except Exception as error:
            usage = _usage(error, words)
            if usage is None or not standalone:
                raise
            if usage:
                self._tell_error(usage)
            status = 2
        if not standalone:
            return status
        raise SystemExit(status)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if isinstance(error, KeyboardInterrupt) or interrupts:
                _tell(f"stopped{CONTINUED.get(ctx.invoked_subcommand or '', '')}")
                raise typer.Exit(128 + (interrupts or [signal.SIGINT])[-1]) from None
            sentence = str(error) if isinstance(error, EmozooError) else of_the_machine(error)
            if self.debug or sentence is None:
                raise
            self._tell_error(sentence)
            raise typer.Exit(2) from None

    def _tell_error(self, sentence: str) -> None:
        """On standard error, and for a program that waits for JSON, as a document on standard output."""
        _tell(f"error: {printable(sentence)}")
        if self.json:
            typer.echo(json_text({"schema": SCHEMA, "error": printable(sentence)}))


def _usage(error: Any, words: Sequence[str]) -> str | None:
    """What is wrong with the words of a command line; empty where help was shown instead. None for another error.

    typer's class for such errors moved between versions, so they are known by their method `format_message`.
    """
    if not hasattr(error, "format_message"):
        return None
    message = str(error.format_message()).removesuffix(".").replace(". Did", ": did")
    message = message[:1].lower() + message[1:]
    if not message or message.endswith("?") or getattr(error, "ctx", None) is None:
        return message
    unknown = getattr(error, "option_name", None)
    if file := next((word for word in words if unknown and word.startswith(unknown) and os.path.lexists(word)), ""):
        return f"{message}: the file of that name is ./{file}"
    return f"{message}; see {error.ctx.command_path} --help"


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # standard error may be what is full
        typer.echo(line, err=True)


app = typer.Typer(
    name="emozoo",
    cls=_Commands,
    help="Recognise emotion in speech and video: train, compare and run networks, each of them a plugin.",
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
        bool, typer.Option("--debug", help="Show the traceback of an error. Any command takes this option.")
    ] = False,
) -> None:
    pass


for command in (
    *(train, tune, evaluate, compare, calibrate, predict, embed, listen, list_, info, benchmark, export, convert),
    *(card, push, demo, serve, space, check, fetch),
):
    app.command(command.__name__.strip("_"), cls=Command)(command)
app.add_typer(new, name="new")


class _Remarks(logging.Handler):
    """Shows the log of emozoo's modules on standard error: warnings and progress."""

    def emit(self, record: logging.LogRecord) -> None:
        from emozoo.cli.console import say, warn

        (warn if record.levelno >= logging.WARNING else say)(record.getMessage())


def main() -> None:
    """The `emozoo` command."""
    for stream in (sys.stdout, sys.stderr):  # a terminal cannot show the name of every file
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _show_log()
    _catch_signals()
    status: Any = 0
    try:
        app(prog_name=app.info.name)  # also as `python -m emozoo`: completion is for the command's name
    except SystemExit as ended:
        status = ended.code
    except Exception as error:  # with --debug, or a bug in emozoo
        status = _report(error)
    raise SystemExit(_flushed(status))


def _show_log() -> None:
    logger = logging.getLogger("emozoo")
    logger.addHandler(_Remarks())
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _catch_signals() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # A signal that is ignored, as under nohup, stays ignored.
        if number and signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _interrupt)
    sys.unraisablehook = _interrupt_again


def _interrupt_again(ignored: sys.UnraisableHookArgs) -> None:
    """Python drops what is raised while it finalizes an object or clears a weak reference, so the interrupt comes again."""
    if not issubclass(ignored.exc_type, KeyboardInterrupt):
        return sys.__unraisablehook__(ignored)
    number = (interrupts or [signal.SIGINT])[-1]
    signal.signal(number, _interrupt)
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


def _report(error: Exception) -> int:
    """Prints an error that no command has turned into a line, and returns the exit status."""
    if "--debug" not in sys.argv and (sentence := of_the_machine(error)):
        _tell(f"error: {printable(sentence)}")
        return 2
    with contextlib.suppress(OSError):
        sys.stderr.write(printable(traceback.format_exc(), lines=True))
    return 1


def _flushed(status: Any) -> Any:
    """The exit status after the last of standard output is written: 2 if that fails, 1 if its reader has left."""
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
    with contextlib.suppress(OSError, ValueError):  # else Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


if __name__ == "__main__":
    main()
