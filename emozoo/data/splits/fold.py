"""A fold: one split of a dataset, and what a reader of its results must know. `emozoo.data.splits.protocols` makes folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emozoo.data.splits.sentences import TEXT_DEPENDENT
from emozoo.errors import EmozooError

SPEAKER_DEPENDENT = (
    "speaker-dependent: speakers of the test clips are, or may be, among the training speakers; "
    "expect lower numbers for a voice never heard"
)


@dataclass(frozen=True)
class Fold:
    """One split of a protocol; train, dev and test hold row numbers, ascending, and share none."""

    number: int
    """From 1."""
    name: str
    """What stands in test: `Ses05`, `speakers a, b`, `random 1 of 5`, `split`."""
    train: tuple[int, ...]
    dev: tuple[int, ...]
    test: tuple[int, ...]
    speaker_disjoint: bool
    """Whether every speaker in test is known, and is in neither train nor dev."""
    problem: str = ""
    """Why it cannot be trained on: a class is missing from train, which is then empty, or no dev split can be split off.
    Its test split can be measured all the same. "" for no problem."""
    caveat: str = ""
    """What else a reader of its results must know, such as that a fine-tuned model was trained on the test speakers."""
    text_dependent: bool = False
    """Whether a sentence of test is known to be in train or dev as well."""
    copies: int = 0
    """How many test clips have a copy in train or dev, which only folds that others made allow."""
    kept_speakers: int = 0
    """How many speakers are left in train, where only some are asked for; 0: all."""
    all_speakers: int = 0
    """How many there would have been."""

    def without_dev(self) -> Fold:
        """The same test split, with all other rows in train."""
        problem = "" if self.train else self.problem
        return replace(self, train=tuple(sorted(self.train + self.dev)), dev=(), problem=problem)

    def usable(self) -> Fold:
        """Itself. Raises `EmozooError` with its problem if it has one."""
        if self.problem:
            raise EmozooError(self.problem)
        return self


def pick_fold(folds: Sequence[Fold], number: int, what: str) -> Fold:
    """A fold by its number. Raises EmozooError if there is no such fold."""
    if not 1 <= number <= len(folds):
        raise EmozooError(f"there is no fold {number}: {what} has folds 1 to {len(folds)}")
    return folds[number - 1]


def speaker_note(*folds: Fold) -> str:
    """The sentence to print beside the results of folds that are speaker- or text-dependent, share copies of clips, were
    trained on some of their speakers only, or have a caveat; else ""."""
    copies = sum(fold.copies for fold in folds)
    notes = [fold.caveat for fold in folds]
    notes.append("" if all(fold.speaker_disjoint for fold in folds) else SPEAKER_DEPENDENT)
    notes.append(TEXT_DEPENDENT if any(fold.text_dependent for fold in folds) else "")
    if copies:
        tested = sum(len(fold.test) for fold in folds)
        notes.append(f"{copies} of {tested} test clips have a copy among the training clips; expect lower numbers")
    notes.append(few_speakers(folds))
    return "; ".join(dict.fromkeys(filter(None, notes)))


def few_speakers(folds: Sequence[Fold]) -> str:
    """What a reader of results must know of folds that were trained on some of their speakers; "" where it was all."""
    few = [fold for fold in folds if fold.kept_speakers]
    if not few:
        return ""
    counts = sorted({fold.all_speakers for fold in few})
    number = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"trained on {few[0].kept_speakers} of {number} training speakers"
