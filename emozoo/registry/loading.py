"""Imports plugins, and checks what they offer against the contract."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.registry.entry_points import ARCHITECTURES, KINDS, Plugin, find
from emozoo.shared_context import SharedContext

if TYPE_CHECKING:
    from emozoo.architecture import Architecture


def get_architecture(name: str) -> Architecture:
    """Imports and checks an architecture. Raises EmozooError naming the distribution and the reason."""
    from emozoo.architecture import contract_problem

    return load_plugin(find(ARCHITECTURES, name), contract_problem)


def load_plugin(plugin: Plugin, problem_of: Callable[[Any, str], str | None]) -> Any:
    """The object that a plugin offers. Raises EmozooError, with the distribution and the reason, if it cannot be imported or
    `problem_of` the object and its name finds a problem."""
    loaded, problem = import_plugin(plugin, problem_of)
    if problem:
        raise EmozooError(f"the {KINDS[plugin.group]} {plugin.name!r} of {plugin.origin} cannot be used: {problem}")
    if not plugin.builtin:
        from emozoo.registry.verdicts import acquit

        acquit(plugin)
    return loaded


def import_plugin(plugin: Plugin, problem_of: Callable[[Any, str], str | None]) -> tuple[Any, str | None]:
    """The object of the entry point, and why it cannot be used: the exception, or how it breaks the contract."""
    entry = importlib.metadata.EntryPoint(plugin.name, plugin.target, plugin.group)
    try:
        with output_to_stderr:
            loaded = entry.load()
        return loaded, problem_of(loaded, plugin.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also call sys.exit
        return None, " ".join(f"{type(error).__name__}: {error}".split())


@contextlib.contextmanager
def _output_to_stderr() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError):  # a closed stream
            sys.stdout.flush()
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
            stack.callback(_flush_c)
        with contextlib.redirect_stdout(sys.stderr):
            yield


output_to_stderr = SharedContext(_output_to_stderr)
"""Sends to standard error what is printed in the block, also by C code and by new processes: a command's result must not
contain it."""


def _flush_c() -> None:
    with contextlib.suppress(Exception):  # not every system has this
        import ctypes

        ctypes.CDLL(None).fflush(None)
