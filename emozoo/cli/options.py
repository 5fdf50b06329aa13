"""Options that several commands share, and how their words become values. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from emozoo.errors import EmozooError
from emozoo.text import SCHEMA, json_text

HUB = "hub:USER/NAME with an optional @REVISION"
"""How help names a model on the Hub: without brackets, which rich would read as markup."""
ANY_MODEL = f"A run's folder, the name of a bundled model, or {HUB}"


class Backend(StrEnum):
    torch = "torch"
    onnx = "onnx"


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"


class Adapt(StrEnum):
    speaker = "speaker"
    recordings = "recordings"


class AdaptRecordings(StrEnum):
    recordings = "recordings"


Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Sound or video files, folders, or quoted patterns such as 'clips/*.mp4'."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")]
Model = Annotated[str, typer.Option(metavar="MODEL", help=f"{ANY_MODEL}.")]
RunBy = Annotated[
    Backend,
    typer.Option(help="onnx: run the model that emozoo export wrote. It needs no torch, and starts much faster."),
]
PrecisionOf = Annotated[
    Precision,
    typer.Option(
        "--precision", help="bf16: faster, and a little less exact, on GPUs and CPUs that compute in it. Needs torch."
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Give up on a file if decoding it takes this many seconds longer than the file lasts.",
    ),
]
Speaker = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Adapt to a speaker: other recordings of the same person, as a file, a folder or a quoted pattern. "
        "Can be repeated.",
    ),
]
Vad = Annotated[
    bool | None,
    typer.Option(
        "--vad/--no-vad",
        help="Answer only where somebody speaks. Needs the pip extra vad. Default: on where it is installed, for models "
        "that know real voices.",
        show_default=False,
    ),
]
Hop = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="From one window's start to the next one's. Larger is faster. Default: the model's, mostly 1.",
        show_default=False,
    ),
]
MinConfidence = Annotated[
    float,
    typer.Option(metavar="SHARE", min=0.0, max=1.0, help="Say unsure where no emotion is as probable as this, 0 to 1."),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Where the dataset is: its folder, a manifest file, or hub:USER/NAME. For IEMOCAP, the environment "
        "variable EMOZOO_IEMOCAP does the same.",
    ),
]
Merge = Annotated[
    list[str] | None,
    typer.Option(metavar="FROM=TO", help="Count one emotion as another, as in excited=happy. Can be repeated."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MEANING=NAME",
        help="What a column of your own table means, as in speaker=who, where its name is not understood. Can be repeated.",
    ),
]
LabelsAsIs = Annotated[
    bool,
    typer.Option(
        "--labels-as-is",
        help="Keep other spellings of an emotion in your own table, such as hap and joy, as other labels.",
    ),
]
Scale = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Lowest and highest rating of valence, arousal and dominance, as in 1,7. Default: the dataset's own.",
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        metavar="PROTOCOL",
        help="How to split the dataset: session, speaker, group-5, sentence, speaker+sentence, corpus, random or split. "
        "Default: the dataset's own.",
    ),
]
Folds = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Folds that others made, instead of a protocol: a folder of EmoBox's, or a table of clips and their folds.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting of the network or its recipe; emozoo info lists them. Can be repeated.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        help="Access token of the Hub. Default: HF_TOKEN, or the token that hf auth login stored.",
        show_default=False,
    ),
]
EmozooFrom = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="The emozoo that pip is to install: a version, a git+https:// address or a path. "
        "Default: the version in use.",
        show_default=False,
    ),
]


def print_json(document: Mapping[str, Any]) -> None:
    """A command's JSON document, as docs/schema describes it."""
    typer.echo(json_text({"schema": SCHEMA, **document}, indent=2))


def pairs(items: Iterable[str] | None, option: str) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping. Raises EmozooError, naming the option, for another word."""
    found: dict[str, str] = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise EmozooError(f"{option} {item}: must be KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def own_folder(folder: str, what: str) -> str:
    """The folder of a run on this machine. Raises EmozooError, naming `what` needs it, for a model on the Hub."""
    from emozoo.hub.reference import is_reference

    if is_reference(folder):
        raise EmozooError(f"{what} needs a run's folder, not {folder}")
    return folder


def scales(items: list[str] | None) -> tuple[float, float] | None:
    """The numbers of `--scale`. Raises EmozooError for two of them."""
    from emozoo.target import Scale as Range

    if not items:
        return None
    if len(items) > 1:
        raise EmozooError(f"--scale is given {len(items)} times, as {' and '.join(items)}: a dataset has one")
    found = Range.parse(items[0])
    return found.low, found.high


def merges(items: list[str] | None) -> dict[str, str]:
    """The words of `--merge`: pairs, also several in one word, with commas between them."""
    return pairs([pair for item in items or () for pair in item.split(",")], "--merge")


def emotions(text: str | None) -> tuple[str, ...] | None:
    """The words of `--labels`; None where it is not given. Raises EmozooError where it names none."""
    if text is None:
        return None
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise EmozooError("--labels names no emotion; as in --labels sad,angry,neutral")
    return words


def target_of(text: str) -> str:
    """The value of `--target`. Raises EmozooError for another word."""
    from emozoo.target import TARGETS

    word = ",".join(part.strip() for part in text.split(","))
    if word not in TARGETS:
        raise EmozooError(f"--target {text}: must be one of {'; '.join(TARGETS)}")
    return word
