"""The contract of a dataset plugin: what a corpus says about itself, and the columns of its rows.

No file is read here: each corpus has a module that does so, and `emozoo.data.loading` decodes what its rows name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from emozoo.architecture import CONTRACT_VERSION, version_problem
from emozoo.data.download import Download as Download
from emozoo.data.download import Listing as Listing
from emozoo.data.download import RemoteFile as RemoteFile
from emozoo.data.download import download_problem
from emozoo.errors import EmozooError
from emozoo.media.window import Crop

FEATURES = datasets.Features(
    {
        "utterance_id": datasets.Value("string"),
        "dialogue": datasets.Value("string"),
        "session": datasets.Value("string"),
        "speaker": datasets.Value("string"),
        "gender": datasets.Value("string"),
        "age": datasets.Value("string"),
        "language": datasets.Value("string"),
        "emotion": datasets.Value("string"),
        "valence": datasets.Value("float32"),
        "activation": datasets.Value("float32"),
        "dominance": datasets.Value("float32"),
        "votes": datasets.Value("string"),
        "transcript": datasets.Value("string"),
        "sentence": datasets.Value("string"),
        "audio_path": datasets.Value("string"),
        "video_path": datasets.Value("string"),
        "start": datasets.Value("float64"),
        "end": datasets.Value("float64"),
        "side": datasets.Value("string"),
        "split": datasets.Value("string"),
        "corpus": datasets.Value("string"),
    }
)
"""The columns of every corpus' rows. One row is one utterance.

An unknown text is "", an unknown rating NaN. `start` and `end` are seconds within the file, -1 for the whole file. Where
`audio_path` and `video_path` are two files, the audio file is the utterance itself and the times are those of the video.
`side` is a key of `SIDE_CROPS`. `corpus` names the collection of a row, for a dataset made of several. `age` is in years,
or a word such as `adult`; `language` is a code such as `en`. `sentence` names the sentence that is said, where several
speakers say the same ones.

Ratings are numbers on the corpus' own scale; `activation` is the dimension that is called arousal elsewhere. `votes` says
how many raters chose each emotion, as a JSON object of word to number; a rater who named two emotions counts for both.
"""
MAY_LACK = ("votes", "corpus", "age", "language", "sentence")
"""Columns that a builder may leave out."""

SIDE_CROPS: dict[str, Crop | None] = {
    "": None,
    "left": Crop(top=112 / 480, bottom=368 / 480, left=0.0, right=0.5),
    "right": Crop(top=112 / 480, bottom=368 / 480, left=0.5, right=1.0),
}
"""The part of the frame that shows the speaker: all of it, or one half of a video of two people.

The halves are those of 720x480 frames whose rows 112 to 368 show two people, one on each side of column 360.
"""

SOUNDS = (
    ".wav", ".wave", ".flac", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".wv", ".opus", ".ogg", ".oga", ".m4a",
    ".mka", ".aac", ".mp3", ".mp2", ".ac3", ".wma", ".amr",
)  # fmt: skip
"""Endings of audio files. Where a recording exists in several formats, corpora read the one whose ending comes first."""
VIDEOS = (
    ".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ogv", ".wmv", ".asf", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp",
)  # fmt: skip
"""Endings of video files."""

_UNKNOWN: dict[str, Any] = {
    name: {"string": "", "float32": float("nan"), "float64": -1.0}[feature.dtype] for name, feature in FEATURES.items()
}


def row(**known: Any) -> dict[str, Any]:
    """A row of `FEATURES`: the columns that a corpus knows, and "", NaN or -1 in the others.

    `arousal` is another name of `activation`. `votes` may be a mapping of words to numbers. Raises TypeError for a name that
    is not a column, ValueError for votes that are none.
    """
    if "arousal" in known:
        if "activation" in known:
            raise TypeError("arousal and activation are one column: give one of them")
        known["activation"] = known.pop("arousal")
    if isinstance(votes := known.get("votes"), Mapping):
        known["votes"] = written_votes(votes)
    if unknown := known.keys() - FEATURES.keys():
        raise TypeError(f"not a column of a corpus: {', '.join(sorted(unknown))}")
    return {**_UNKNOWN, **known}


def written_votes(votes: Mapping[str, float]) -> str:
    """Votes as the column `votes` holds them: words with a number above 0, by word; "" where there is none.

    Raises ValueError for a number that is negative or not finite."""
    for word, number in votes.items():
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"{number:g} votes for {word}: a number of votes is 0 or more")
    counted = {word: votes[word] for word in sorted(votes) if votes[word]}
    return json.dumps({word: int(n) if n == int(n) else float(n) for word, n in counted.items()}) if counted else ""


def read_votes(written: str) -> dict[str, float]:
    """The votes in a row's column `votes`, by word; empty where they are unknown. Raises ValueError for anything else."""
    if not written:
        return {}
    votes = json.loads(written)
    if not isinstance(votes, dict) or not all(type(number) in (int, float) for number in votes.values()):
        raise ValueError(f"votes are {written[:40]!r}, no JSON object of words and numbers")
    found = {word: float(number) for word, number in votes.items()}
    if not written_votes(found):
        raise ValueError(f"votes are {written[:40]!r}, which add up to 0")
    return found


class RowsBuilder(datasets.GeneratorBasedBuilder):
    """A base for builders: a subclass has `read(folder)`, whose rows all go into the split `train`."""

    VERSION = datasets.Version("1.0.0")
    HOMEPAGE = ""

    def read(self, folder: Path) -> Sequence[dict[str, Any]]:
        """The rows of `FEATURES`, as `row` makes them. Raises EmozooError if the folder does not hold the corpus."""
        raise NotImplementedError

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES, homepage=self.HOMEPAGE)

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        if self.config.data_dir is None:
            raise EmozooError("the dataset's folder is not named: give --data-dir, or set its environment variable")
        # Read here and not in the generator, where datasets would wrap a user's mistake in an error of its own.
        rows = tuple(self.read(Path(self.config.data_dir)))
        return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


@dataclass(frozen=True)
class Corpus:
    """A dataset that emozoo can read: the object that an entry point of the group `emozoo.datasets` names."""

    name: str
    """The same as the entry point's."""
    builder: type[datasets.GeneratorBasedBuilder]
    """Yields rows of `FEATURES`; its `config.data_dir` is the corpus' folder or file. `RowsBuilder` is a base for it."""
    labels: tuple[str, ...] = ()
    """The default label set, in order; empty: every label of the rows, sorted."""
    scale: tuple[float, float] | None = None
    """The lowest and the highest value of its ratings `valence`, `activation` and `dominance`; None: it has none, or each
    user's are different."""
    protocol: str = "group-5"
    """The usual protocol: session, speaker, group-K, random or split."""
    environment: str = ""
    """The environment variable that names the folder."""
    obtain: str = ""
    """One sentence on how to get the data."""
    licence: str = ""
    language: str = ""
    summary: str = ""
    citation: str = ""
    write: Callable[[Path], None] | None = None
    """`write(folder)` generates the data in an empty folder, for a synthetic corpus."""
    contract: int = CONTRACT_VERSION
    fetch: Callable[..., Path] | None = None
    """`fetch("hub:user/name[@revision]")` downloads a dataset of the Hub and returns the folder that `builder` reads."""
    table: bool = False
    """Whether its data are a table of the user's, so that `--columns` may say what columns mean: then `config.columns` of
    its builder holds their names by meaning, and `fetch` takes `columns` as well. `config.labels_as_is` says whether other
    spellings of an emotion stay other labels."""
    private: bool = False
    """Whether the clips are a user's own, so that the dataset's name says nothing about them: then a model card counts
    speakers and does not name them, and rows without a `corpus` come from an unknown one."""
    at_once: str = ""
    """The options of `emozoo train` with which it needs no licence, such as `--dataset toy`; empty: there are none. Those of
    emozoo's own datasets are shown to users who lack the data of another."""
    download: Download | None = None
    """Where `emozoo fetch` finds its files; None: it cannot be downloaded without asking its authors."""

    @property
    def synthetic(self) -> bool:
        """Whether its voices are computed."""
        return self.write is not None


def corpus_problem(corpus: object, entry_name: str) -> str | None:
    """The first way in which `corpus` breaks the contract, as a sentence; None if it keeps it."""
    if not isinstance(corpus, Corpus):
        return f"the entry point gives a {type(corpus).__name__}, not an emozoo.data.corpus.Corpus"
    if problem := version_problem(corpus.contract):
        return problem
    if corpus.name != entry_name:
        return f"the entry point is named {entry_name!r}, the corpus {corpus.name!r}: they must agree"
    if not (isinstance(corpus.builder, type) and issubclass(corpus.builder, datasets.GeneratorBasedBuilder)):
        return "builder is not a datasets.GeneratorBasedBuilder"
    if corpus.fetch is not None and not callable(corpus.fetch):
        return "fetch cannot be called: it must be fetch(reference)"
    if corpus.download is not None and (problem := download_problem(corpus.download)):
        return problem
    if corpus.scale is not None and not _is_scale(corpus.scale):
        return f"scale is {corpus.scale!r}: it must be two numbers, the lowest rating and the highest, such as (1, 5)"
    return None


def _is_scale(scale: object) -> bool:
    return (
        isinstance(scale, tuple)
        and len(scale) == 2
        and all(isinstance(end, int | float) and math.isfinite(end) for end in scale)
        and scale[0] < scale[1]
    )
