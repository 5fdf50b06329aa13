"""Test splits of sentences that training has not heard: of all speakers, or of unheard speakers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emozoo.data.splits.units import Rows, Unit, components, equal, sorted_names
from emozoo.errors import EmozooError
from emozoo.text import listed

CROSSED_FOLDS = 5
"""Of unheard speakers and sentences, where there are as many of both."""
TEXT_DEPENDENT = (
    "text-dependent: sentences of the test clips are among the training sentences; "
    "expect lower numbers for a sentence never heard"
)


@dataclass(frozen=True)
class HeldOut:
    """A test split, and the rows that training must not have beside it."""

    name: str
    rows: Unit
    left_out: Unit


def sentence_units(rows: Rows) -> list[Unit]:
    """The clips of each sentence; sentences that share a copy of a clip are one unit."""
    return components(len(rows), [*rows.copies, *equal(rows.sentence)])


def one_sentence_out(rows: Rows) -> list[HeldOut]:
    """A test split for each sentence. Raises EmozooError where sentences are unknown or fewer than two."""
    rows.require("sentence", "sentence", "take --protocol group-5")
    units = sentence_units(rows)
    if len(units) < 2:
        raise EmozooError("protocol sentence needs two sentences that share no copy of a clip; take another --protocol")
    return [HeldOut(_named("sentence", rows.sentence, unit), unit, []) for unit in units]


def both_out(rows: Rows, speakers: list[Unit], seed: int) -> list[HeldOut]:
    """Test splits of a part of the speakers who say a part of the sentences, each speaker and each sentence in one of them.
    Left out are the other clips of these speakers, and those of others who say these sentences.

    Raises EmozooError where sentences are unknown, there is one speaker or sentence, or a test split has no clip."""
    rows.require("sentence", "speaker+sentence", "take --protocol group-5")
    sentences = sentence_units(rows)
    count = min(CROSSED_FOLDS, len(speakers), len(sentences))
    if count < 2:
        raise EmozooError(
            "protocol speaker+sentence needs two speakers and two sentences that share no copy of a clip; take another "
            "--protocol"
        )
    who = rows.steadily_balanced(speakers, count, seed)
    what = rows.balanced(sentences, count, np.random.default_rng(seed))
    tests = []
    for own, said in zip(who, what, strict=True):
        test = sorted({*own} & {*said})
        name = f"{_named('speaker', rows.speaker, own)}; {_named('sentence', rows.sentence, said)}"
        if not test:
            raise EmozooError(
                f"protocol speaker+sentence needs speakers who say the same sentences: no clip is of {name}; take another "
                "--protocol"
            )
        tests.append(HeldOut(name, test, sorted({*own} ^ {*said})))
    return tests


def left_out_note(tests: Sequence[HeldOut]) -> str:
    """How many clips are left out."""
    counts = sorted({len(test.left_out) for test in tests})
    number = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return (
        f"{number} clips of each fold are left out: of test speakers who say training sentences, and of training speakers "
        "who say test sentences"
    )


def _named(what: str, values: Sequence[str], unit: Unit) -> str:
    names = sorted_names(values, unit)
    return f"{what}{'s' if len(names) > 1 else ''} {listed(names, 8)}"
