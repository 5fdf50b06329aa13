"""What a model card says of results, and what it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.results import Metrics, Score, Spread, Summary
from emozoo.checkpoint.run import DataRecord, RunRecord
from emozoo.checkpoint.whole import WholeRun
from emozoo.data.loading import get_corpus
from emozoo.errors import EmozooError
from emozoo.filenames import CONFUSION, CURVES
from emozoo.text import number, percent

FIGURES = {CONFUSION: "Confusion matrix of the test clips", CURVES: "Training curves"}
WORDS = "WA is accuracy, UA the mean recall of the classes"
DIMENSIONS = (
    "CCC is the concordance correlation coefficient (Lin 1989), mean absolute errors are in units of the ratings"
)
VOTES = "the Jensen-Shannon divergence, in bits, is 0 where probabilities are the shares of the raters, and 1 at most"


@dataclass(frozen=True)
class Facts:
    """What a card is made from."""

    config: CheckpointConfig
    record: RunRecord | None
    """None where nothing was measured."""
    repo_id: str
    """`user/name` on the Hub, for the examples."""
    figures: tuple[str, ...] = ()
    """Files of the folder that the card shows."""
    summary: Summary | None = None
    """Of the run, where the model is one of several folds."""
    whole: WholeRun | None = None
    """Where the card is of all folds; `record` is then what is true of them together."""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; all but its first column stand on the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def is_private(data: DataRecord) -> bool:
    """Whether a model was trained on a user's own clips. Older results do not say: then the dataset is asked."""
    if data.private is not None:
        return data.private
    with suppress(EmozooError):  # a dataset that is not installed
        return get_corpus(data.dataset).private
    return False


def dataset_words(data: DataRecord) -> str:
    return "a collection of clips listed in a manifest" if is_private(data) else f"`{data.dataset}`"


def fold_words(data: DataRecord) -> str:
    """What the test fold holds. The speakers of a user's own clips are counted, not named."""
    count = data.parts["test"].speakers
    if is_private(data):
        return f"{count} speakers" if count > 1 else "one speaker" if count else "clips of unknown speakers"
    return data.fold_name


def results(facts: Facts) -> str:
    """The section on results."""
    if facts.record is None:
        return "## Results\n\nNothing was measured."
    test = facts.record.test
    data = facts.record.data
    over = "speakers" if test.interval_over == "speakers" else "clips, and so tells nothing about other speakers"
    lines = [
        "## Results",
        f"On the {test.count} test clips of fold {data.fold} of {data.folds} (`{data.protocol}`, "
        f"{fold_words(data)}), which were measured once, after training. {meanings(test)}The 95 % interval "
        f"is a bootstrap over {over}.",
    ]
    if data.note:
        lines.append(f"**{data.note}**")
    shares = all(score.share for score in test.scores)
    rows = [_row(score, shares) for score in test.scores]
    lines.append(table(["", "%" if shares else "", "95 % interval"], rows))
    if undefined := [score.name for score in test.scores if score.value is None]:
        lines.append(f"Undefined, for all ratings are alike: {', '.join(undefined)}.")
    if test.votes and test.votes.human_accuracy is not None:
        lines.append(
            f"Raters among themselves, each against the others of the clip: {percent(test.votes.human_accuracy)} % say the "
            f"word of the majority, {percent(test.votes.human_any_rater or 0)} % one that another says."
        )
    if facts.summary:
        lines.append(
            f"This model is one of {facts.summary.folds}, each trained and measured on another fold. Mean and deviation "
            f"over them: {', '.join(_means(facts.summary))}."
        )
    lines += classes(test)
    lines += [f"![{FIGURES[name]}]({name})" for name in facts.figures if name in FIGURES]
    return "\n\n".join(lines)


def meanings(test: Metrics) -> str:
    """What the names of its scores mean, with a space behind; "" for nothing."""
    told = ((WORDS, test.labels), (VOTES, test.votes), (DIMENSIONS, test.dimensions))
    text = "; ".join(words for words, there in told if there)
    return f"{text[:1].upper()}{text[1:]}. " if text else ""


def _row(score: Score, shares: bool) -> list[str]:
    """`shares`: all rows are in per cent, and the heading says so."""
    form = percent if shares else _per_cent if score.share else number
    return [score.name, form(score.value), " to ".join(map(form, score.interval or ()))]


def _per_cent(share: float | None) -> str:
    return "-" if share is None else f"{percent(share)} %"


def _means(summary: Summary) -> list[str]:
    return [f"{each.name} {spread_words(each)}" for each in summary.spreads]


def spread_words(spread: Spread) -> str:
    """A mean and its deviation."""
    if spread.share:
        return f"{percent(spread.mean)} ± {percent(spread.std)} %"
    return f"{number(spread.mean)} ± {number(spread.std)}"


def classes(test: Metrics) -> list[str]:
    """Scores of each word, and of the speakers."""
    if test.several:
        rows = [[label, _per_cent(share)] for label, share in zip(test.several.labels, test.several.f1, strict=True)]
        return [table(["emotion", "F1"], rows)]
    if not test.labels:
        return []
    counts = [sum(row) for row in test.confusion]
    per_class = zip(test.labels, counts, test.recall, test.precision, test.f1, strict=True)
    rows = [[label, str(count), *map(percent, shares)] for label, count, *shares in per_class]
    found = [table(["emotion", "clips", "recall %", "precision %", "F1 %"], rows)]
    if len(speakers := [speaker.ua for speaker in test.per_speaker]) > 1:
        found.append(
            f"Over {len(speakers)} speakers, UA goes from {percent(min(speakers))} to {percent(max(speakers))} %."
        )
    return found
