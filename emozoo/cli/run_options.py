"""The options of `emozoo train` that a recorded run already answers: those that are given replace the recorded ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.checkpoint.run import RunOptions

FIELDS = {
    "start": ("start", "architecture", "target"),
    "labels": ("labels", "multi"),
    "folds": ("folds", "folds_digest", "protocol"),
    "protocol": ("protocol", "folds", "folds_digest"),
    "seed": ("seed", "seeds"),
    "seeds": ("seed", "seeds"),
}
"""What a parameter of the command decides, where it is not the field of its own name alone."""


def recorded_options(config: str | None, output: str | None, resume: bool) -> RunOptions | None:
    """The options of the run.json that `--config` names, or of the run in `--output` that is to be resumed; None where
    neither is asked for, or nothing is there to resume. Raises EmozooError for a file that is no record of a run."""
    from emozoo.checkpoint.run import read_options
    from emozoo.filenames import RUN
    from emozoo.paths import user_path

    if config is not None:
        path = user_path(config)
        path = path / RUN if path.is_dir() else path
        if path.name != RUN or not path.is_file():
            raise EmozooError(f"--config {config}: must be the {RUN} of a run, or a study in YAML or TOML")
        return read_options(path.parent)
    return read_options(user_path(output)) if resume and output is not None else None


def varied(recorded: RunOptions, asked: RunOptions, given: Iterable[str]) -> RunOptions:
    """The recorded options, but for what the `given` parameters decide. Settings that are not given stay as recorded."""
    known = {field.name for field in dataclasses.fields(recorded)}
    names = [name for parameter in given for name in FIELDS.get(parameter, (parameter,)) if name in known]
    changes = {name: getattr(asked, name) for name in names}
    return dataclasses.replace(recorded, **changes, settings={**recorded.settings, **asked.settings})
