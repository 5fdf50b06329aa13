"""Claims a run's folder for one training: it is locked meanwhile, holds one run's options, and is free again where a
training could not begin. Or for several processes, each of which trains other folds of the run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emozoo.checkpoint.lock import LOCK, LOGS, AtWork, is_held, locked
from emozoo.checkpoint.run import RunOptions, read_options
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, METRICS, PREPARED, RESUME, RUN, SPLIT
from emozoo.paths import PART
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings

PATIENCE = 60.0
"""Seconds to wait for another process that joins a run: it writes a few small files."""


@contextmanager
def claimed(folder: Path, shown: str, options: RunOptions, resume: bool) -> Iterator[None]:
    """Locks `folder` and records `options` there. Where the block fails before anything was trained, what it wrote is
    removed, and the folder is free for the next try.

    Raises EmozooError for a folder that holds something else, or a run that cannot be resumed with these options.
    """
    _recorded(folder, shown)
    with locked(folder, shown):
        recorded = _recorded(folder, shown)
        if _is_shared(folder):
            raise AtWork(f"other processes train folds of {shown}: wait until they end, or name another --output")
        begun = _has_trained(folder)
        if recorded and begun:
            _check_resume(options, recorded, shown, resume)
        _remove(folder, () if begun else (PREPARED, SPLIT))
        try:
            options.write(folder)  # before the data are decoded: the folder may not be writable
            yield
        except BaseException:
            if not _has_trained(folder):
                _free(folder)
            raise


def join(folder: Path, shown: str, options: RunOptions) -> None:
    """Records `options` in `folder` for several processes that train other folds, or seeds, of one run, each of which has a
    lock of its own. What they record stays where a training fails, for another may just have begun.

    Raises EmozooError as `claimed` does, and AtWork where a process holds the folder for itself.
    """
    with locked(folder, shown, waits=PATIENCE):
        recorded = _recorded(folder, shown)
        if recorded and not differences(options, recorded):
            return
        if recorded and (_has_trained(folder) or _is_shared(folder)):
            _check_resume(options, recorded, shown, resume=True)
        _remove(folder, (PREPARED, SPLIT))
        options.write(folder)


def _check_resume(options: RunOptions, recorded: RunOptions, shown: str, resume: bool) -> None:
    """Raises EmozooError where the run that is in the folder is not to be resumed, or not with these options."""
    if not resume:
        raise EmozooError(f"{shown} holds a run already: --resume continues it, another --output starts a new one")
    if changed := differences(options, recorded):
        raise EmozooError(
            f"{shown} cannot be resumed with other options than it was begun with ({'; '.join(changed)}): give those, "
            "or name another --output for a new run"
        )


def _has_trained(folder: Path) -> bool:
    """Whether a run, or a fold of it, has trained an epoch."""
    return any((place / name).exists() for place in _places(folder) for name in (CONFIG, RESUME, METRICS))


def _is_shared(folder: Path) -> bool:
    """Whether processes are at work on folds or seeds of a run."""
    return any(map(is_held, _places(folder)[1:]))


def _free(folder: Path) -> None:
    """Removes what a training left that never began: its record, its logs, unfinished files."""
    for place in _places(folder)[::-1]:
        _remove(place, (RUN, PREPARED, SPLIT))
        shutil.rmtree(place / LOGS, ignore_errors=True)
        if place != folder:
            with suppress(OSError):
                place.rmdir()


def _places(folder: Path) -> list[Path]:
    """The folder, and those of its folds and seeds."""
    inner = {each for pattern in ("fold*", "seed*", "seed*/fold*") for each in folder.glob(pattern)}
    return [folder, *sorted(each for each in inner if each.is_dir())]


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    """Deletes files by name, and those that a killed process has not finished."""
    for path in (*(folder / name for name in names), *folder.glob(f"{PART}*")):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _recorded(folder: Path, shown: str) -> RunOptions | None:
    """The options recorded in a folder; None in an empty one. Raises EmozooError where something else is in it."""
    recorded = read_options(folder)
    if recorded is None and folder.exists() and not _is_empty(folder):
        raise EmozooError(f"{shown} exists and is not a run of emozoo; name another --output")
    return recorded


def _is_empty(folder: Path) -> bool:
    """Whether it is a folder that holds at most a lock and unfinished files."""
    return folder.is_dir() and all(path.name == LOCK or path.name.startswith(PART) for path in folder.iterdir())


def differences(asked: RunOptions, recorded: RunOptions) -> list[str]:
    """What differs, compared as values: each as `seed 4 instead of 0`."""
    asked, recorded = _meant(asked), _meant(recorded)
    found = []
    for field in dataclasses.fields(RunOptions):
        one, other = getattr(asked, field.name), getattr(recorded, field.name)
        if field.name == "folds_digest":
            continue  # of `folds`, which say it
        if field.name == "folds" and asked.folds and recorded.folds:
            if asked.folds_digest != recorded.folds_digest:
                found.append(f"folds {one}, which hold others than those of then")
        elif field.name == "settings":
            found += _different_settings(asked, recorded)
        elif one != other:
            found.append(f"{field.name.replace('_', '-')} {_said(one)} instead of {_said(other)}")
    return found


def meaning(options: RunOptions) -> str:
    """A text that is the same for options that ask for the same training: settings are compared as values."""
    return repr(dataclasses.replace(_meant(options), settings=dict(sorted(_values(options).items()))))


def _meant(options: RunOptions) -> RunOptions:
    """The same options, whose seed of the folds is None where it is the run's own anyway."""
    own = options.folds_seed == options.seed
    return dataclasses.replace(options.placed(), split_seed=None if own else options.split_seed)


def _different_settings(asked: RunOptions, recorded: RunOptions) -> list[str]:
    one, other = asked.settings, recorded.settings
    with suppress(EmozooError):  # what is recorded need not fit any more, and is compared as text then
        one, other = _values(asked), _values(recorded)
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return [f"{name} {_said(one.get(name))} instead of {_said(other.get(name))}" for name in names]


def _values(options: RunOptions) -> dict[str, Any]:
    """The settings as values, defaults included. A fine-tuning takes the network's from its start, but for those given."""
    config, recipe = apply_settings(get_architecture(options.architecture), options.settings)
    own = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    if options.start is not None:
        own = {name: value for name, value in own.items() if name in options.settings}
    return {**own, **vars(recipe)}


def _said(value: Any) -> str:
    if value is None or value == {}:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
