"""The command line that asks for a training."""

from __future__ import annotations

import shlex

from emozoo.checkpoint.run import RunOptions


def train_command(options: RunOptions, output: str | None = None) -> str:
    """The line that a shell takes; options with their default are left out."""
    words = ["emozoo", "train", options.architecture, "--dataset", options.dataset]
    labels = [*(["multi"] if options.multi else []), *(options.labels or ())]
    asked = {
        "--data-dir": options.data_dir,
        "--columns": [f"{key}={value}" for key, value in options.columns.items()],
        "--labels-as-is": options.labels_as_is,
        "--labels": ",".join(labels),
        "--target": options.target if options.target != RunOptions.target else None,
        "--scale": options.scale and ",".join(f"{each:g}" for each in options.scale),
        "--merge": [f"{key}={value}" for key, value in options.merge.items()],
        "--protocol": options.protocol,
        "--crop": options.crop,
        "--denoise": options.denoise,
        "--from": options.start,
        "--fold": "all" if options.fold is None else options.fold if options.fold != 1 else None,
        "--seed": options.seed or None,
        "--split-seed": options.split_seed,
        "--precision": options.precision if options.precision != RunOptions.precision else None,
        "--output": output,
        "--set": [f"{key}={value}" for key, value in options.settings.items()],
    }
    for name, value in asked.items():
        if value is True:
            words.append(name)
        elif value or value == 0 and value is not False:
            words += [part for each in (value if isinstance(value, list) else [value]) for part in (name, str(each))]
    return shlex.join(words)
