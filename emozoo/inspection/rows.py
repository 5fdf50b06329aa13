"""What the rows of a corpus show: copies, labels and speakers that go together, splits, sentences, ratings and votes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emozoo.data.corpus import read_votes
from emozoo.data.splits.units import Rows, components
from emozoo.inspection.findings import Finding, clips
from emozoo.target import DIMENSION_COLUMNS
from emozoo.text import listed

FEW = 10
"""A label with fewer clips is hardly learnt."""
SHARED = 0.9
"""Where this share of the clips says a sentence that is said in one emotion only, words give the emotion away."""
SAID_OFTEN = 3
"""Clips of a sentence, on average, without which sentences do not repeat and say nothing."""


def copies(columns: Mapping[str, Sequence[Any]], names: Sequence[str], labels: Sequence[str]) -> Iterator[Finding]:
    """Clips with the same sound, or of overlapping stretches of one file, the worst first. Silent clips are to be left out:
    they all sound the same."""
    rows = Rows({**columns, "label": list(labels)}, by_session=False) if names else None
    groups = [rows.back(unit) for unit in components(len(rows), rows.copies) if len(unit) > 1] if rows else []
    for kind, told, values in (
        ("copies-labels", "under different labels: at most one of them is right", labels),
        ("copies-speakers", "under different speakers: at most one of them is right", columns["speaker"]),
        ("copies-splits", "in different parts of the column split: the test is not of unseen clips", columns["split"]),
    ):
        differ = [len({str(values[row] or "") for row in group}) > 1 for group in groups]
        found = [group for group, so in zip(groups, differ, strict=True) if so]
        groups = [group for group, so in zip(groups, differ, strict=True) if not so]
        if found:
            yield _copied(kind, told, True, found, names, labels)
    if groups:
        yield _copied("copies", "with the same label: they count several times", False, groups, names, labels)


def _copied(
    kind: str, told: str, problem: bool, groups: Sequence[Sequence[int]], names: Sequence[str], labels: Sequence[str]
) -> Finding:
    with_labels = kind == "copies-labels"
    written = tuple(
        " = ".join(f"{names[row]} ({labels[row] or 'none'})" if with_labels else names[row] for row in group)
        for group in groups
    )
    count = sum(map(len, groups))
    many = "the same sound" if len(groups) == 1 else f"{len(groups)} sounds"
    return Finding(kind, f"{count} clips are copies of {many} {told}", problem, written)


def labels_and_speakers(labels: Sequence[str], speakers: Sequence[str]) -> Iterator[Finding]:
    """Labels of few clips, and labels that tell the speaker, or speakers the label. "" is unknown."""
    counts = Counter(label for label in labels if label)
    if few := [f"{label} ({count})" for label, count in sorted(counts.items()) if count < FEW]:
        yield Finding("few", f"fewer than {FEW} clips are labelled {listed(few)}: too few to learn or to measure")
    if len(counts) > 1 and max(counts.values()) > 5 * min(counts.values()):
        most, least = (pick(sorted(counts), key=counts.__getitem__) for pick in (max, min))
        text = f"labels are uneven: {clips(counts[most])} of {most}, {counts[least]} of {least}"
        yield Finding("uneven", text, problem=False)
    unknown = sum(not speaker for speaker in speakers)
    if unknown == len(speakers):
        yield Finding("speakers", "no clip names its speaker: results cannot be for unseen speakers", problem=False)
        return
    if unknown:
        yield Finding("speakers", f"{unknown} of {clips(len(speakers))} name no speaker")
    yield from _one_of_the_other(labels, speakers, len(counts))


def _one_of_the_other(labels: Sequence[str], speakers: Sequence[str], count: int) -> Iterator[Finding]:
    """Labels that one speaker has alone, and speakers with one label."""
    holders: dict[str, set[str]] = defaultdict(set)
    said: dict[str, set[str]] = defaultdict(set)
    for label, speaker in zip(labels, speakers, strict=True):
        if label and speaker:
            holders[label].add(speaker)
            said[speaker].add(label)
    if count < 2 or len(said) < 2:
        if len(said) == 1:
            yield Finding("speakers", "all clips are of one speaker: results say nothing of others", problem=False)
        return
    if alone := [f"{label} (only {min(who)})" for label, who in sorted(holders.items()) if len(who) == 1]:
        text = f"one speaker alone has {listed(alone)}: a network may learn the voice instead of the emotion"
        yield Finding("label-of-one-speaker", text)
    single = sorted(speaker for speaker, own in said.items() if len(own) == 1)
    if single:
        every = len(single) == len(said)
        text = f"{'each speaker has' if every else f'{len(single)} of {len(said)} speakers have'} one label only"
        more = ": a network may learn the voice instead of the emotion" if every else f", such as {listed(single, 3)}"
        yield Finding("speaker-of-one-label", text + more, problem=every)


def splits(given: Sequence[str], speakers: Sequence[str]) -> Iterator[Finding]:
    """Speakers on several sides of the column `split`."""
    sides: dict[str, set[str]] = defaultdict(set)
    for side, speaker in zip(given, speakers, strict=True):
        if side and speaker:
            sides[speaker].add(side)
    if torn := sorted(speaker for speaker, own in sides.items() if "test" in own and len(own) > 1):
        text = f"the column split has {len(torn)} of {len(sides)} speakers in test and in train or dev"
        yield Finding("split", f"{text}: {listed(torn, 3)}; --protocol group-5 keeps them apart", problem=False)


def sentences(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Iterator[Finding]:
    """Sentences that give the label away, by the column `sentence` or else what is said."""
    for column in ("sentence", "transcript"):
        words: dict[str, set[str]] = defaultdict(set)
        counts: Counter[str] = Counter()
        for text, label in zip(columns.get(column, [""] * len(labels)), labels, strict=True):
            if label and (sentence := " ".join(str(text or "").casefold().split())):
                words[sentence].add(label)
                counts[sentence] += 1
        if not counts:
            continue
        total = sum(counts.values())
        single = sum(counts[sentence] for sentence, own in words.items() if len(own) == 1)
        if len({*labels} - {""}) > 1 and total >= SAID_OFTEN * len(counts) and single >= SHARED * total:
            share = f"{single} of {clips(total)} say a sentence that is said in one emotion only"
            yield Finding("sentences", f"{share}: a network may learn the words; --protocol sentence measures that")
        return


def judgements(
    columns: Mapping[str, Sequence[Any]], names: Sequence[str], scale: Sequence[float] | None
) -> Iterator[Finding]:
    """Ratings outside of their scale, or all alike, and votes that are none."""
    for dimension, column in DIMENSION_COLUMNS.items():
        values = np.array([np.nan if value is None else value for value in columns[column]], np.float64)
        known = values[np.isfinite(values)]
        if scale is not None and len(known):
            slack = 1e-4 * (scale[1] - scale[0])  # a mean of ratings is kept as float32
            outside = np.flatnonzero((values < scale[0] - slack) | (values > scale[1] + slack))
            if len(outside):
                text = f"{clips(len(outside))} with a rating of {dimension} outside of {scale[0]:g} to {scale[1]:g}"
                written = tuple(f"{names[row]} ({values[row]:g})" for row in outside.tolist())
                yield Finding("ratings", text, clips=written)
        if len(known) > 1 and known.min() == known.max():
            yield Finding("ratings", f"all ratings of {dimension} are {known[0]:g}: there is nothing to learn")
    if bad := tuple(_without_votes(columns["votes"], names)):
        yield Finding("votes", f"{clips(len(bad))} whose votes cannot be used", clips=bad)


def _without_votes(votes: Iterable[Any], names: Sequence[str]) -> Iterator[str]:
    for text, name in zip(votes, names, strict=True):
        try:
            read_votes(text or "")
        except (ValueError, RecursionError) as error:
            yield f"{name}: its {error}"
