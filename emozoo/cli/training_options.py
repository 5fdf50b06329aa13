"""Options that the commands which train share, and how their words become values. Nothing heavy is imported."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emozoo.cli.options import ANY_MODEL, emotions
from emozoo.errors import EmozooError

SEVERAL = "multi"
"""In --labels: a clip may have several."""


class Precision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Crop(StrEnum):
    face = "face"


Dataset = Annotated[
    str, typer.Option(metavar="DATASET", help="A dataset; emozoo list shows them. The dataset toy needs no data.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="EMOTION,...",
        help="Emotions to tell apart, as in sad,angry,neutral; all takes every one. Default: the dataset's choice. With "
        "multi, alone or before them, a clip may have several.",
    ),
]
CropTo = Annotated[
    Crop | None,
    typer.Option(help="face: crop the video to the face, in training and in prediction. Needs the pip extra face."),
]
Denoise = Annotated[
    bool,
    typer.Option(
        "--denoise",
        help="Remove noise from the sound, in training and in prediction. Needs the pip extra denoise.",
    ),
]
Start = Annotated[str | None, typer.Option("--from", metavar="MODEL", help=f"Fine-tune a trained model. {ANY_MODEL}.")]
SplitSeed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Random seed for splits alone. Default: that of --seed, or the first of --seeds.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="What to learn: emotion, votes (how many raters say which word), dimensions (valence, arousal, dominance), or "
        "emotion,dimensions or votes,dimensions together. Default: emotion; with --from, what the model learnt.",
    ),
]
PrecisionOf = Annotated[Precision, typer.Option(help="auto: bf16 on GPUs and CPUs that compute in it, else fp32.")]


def start_of(name: str | None, start: str | None) -> tuple[str, str]:
    """The architecture that is named, or that of the model to fine-tune, and what that learnt. Whether a network can start
    from another library's checkpoint is its own business."""
    if start is not None:
        from emozoo.checkpoint.foreign import check_trainable, checkpoint_config, is_own
        from emozoo.checkpoint.locate import resolve
        from emozoo.hub.reference import name_of

        folder = resolve(start)
        check_trainable(folder, name_of(start))
        config = checkpoint_config(folder, name_of(start))
        known = config.architecture
        if name not in (None, known):
            if not is_own(folder):
                return str(name), config.target
            raise EmozooError(f"--from {start} is a {known}, not a {name}: leave the architecture out")
        return known, config.target
    if name is None:
        raise EmozooError("name an architecture, such as cnn_rnn, or a model to fine-tune with --from")
    return name, "emotion"


def label_words(text: str | None) -> tuple[str, ...] | None:
    words = emotions(text)
    return words[1:] or None if words and is_multi(text) else words


def is_multi(labels: str | None) -> bool:
    """Whether a clip may have several labels."""
    return labels is not None and labels.split(",")[0].strip() == SEVERAL


def check_names(architecture: str, dataset: str) -> None:
    """Finds a wrong name before torch is imported, which takes seconds."""
    from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, find

    find(ARCHITECTURES, architecture)
    find(DATASETS, dataset)
