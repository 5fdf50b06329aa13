"""The table of public models is well-formed, and tells where each fact comes from."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

import emozoo.hub.public as public
from emozoo.hub.public import (
    READ,
    REFUSED,
    UNCLEAR,
    PublicModel,
    corpora,
    known_model,
    named_labels,
    public_models,
)
from emozoo.hub.reference import parse
from emozoo.inspection.listing import LANGUAGES
from emozoo.registry.entry_points import READERS, installed
from emozoo.target import TARGETS

NAMES = [model.reference for model in public_models()]
FOLDER = Path(public.__file__).parent
NAMES_OF_READERS = {plugin.name for plugin in installed(READERS) if plugin.builtin}


@pytest.fixture(params=public_models(), ids=lambda model: model.reference)
def model(request: pytest.FixtureRequest) -> PublicModel:
    return request.param


def test_each_row_is_well_formed(model: PublicModel) -> None:
    name = parse(model.reference)
    assert str(name) == model.reference and name.revision is None
    assert model.summary and model.target in TARGETS and model.reader in NAMES_OF_READERS | {""}
    assert len(set(model.labels)) == len(model.labels) != 1
    for text in vars(model).values():
        assert not isinstance(text, str) or (text == text.strip() and (text.isprintable() or not text))


def test_words_are_those_of_the_lists(model: PublicModel) -> None:
    assert set(model.corpora) <= corpora().keys()
    assert set(model.languages) <= LANGUAGES.keys()
    assert re.fullmatch(r"[a-z0-9.-]*", model.licence)


def test_sources_are_given(model: PublicModel) -> None:
    """Of each row, and of each score."""
    assert re.match(r"https://\S+\.\S+/", model.source)
    assert bool(model.score) == bool(re.match(r"https://\S+\.\S+/", model.score_source))


def test_the_state_says_why(model: PublicModel) -> None:
    verdict, _, reason = model.state.partition(": ")
    assert verdict in (READ, REFUSED, UNCLEAR) and model.verdict == verdict
    assert (verdict == "read") == (not reason)
    assert bool(model.reader) or verdict == UNCLEAR


def test_each_stands_there_once() -> None:
    assert NAMES and len({name.casefold() for name in NAMES}) == len(NAMES)
    for file in ("models.csv", "corpora.csv"):
        with (FOLDER / file).open(encoding="utf-8", newline="") as opened:
            columns, *rows = list(csv.reader(opened, strict=True))
        assert rows and {len(row) for row in rows} == {len(columns)}


def test_a_model_is_known_at_any_revision_and_in_any_case() -> None:
    superb = known_model("hub:superb/hubert-large-superb-er")
    assert superb is not None and superb.corpora == ("iemocap",)
    assert known_model("hub:Superb/HuBERT-large-superb-er@refs/pr/1") is superb
    for stranger in ("superb/hubert-large-superb-er", "hub:superb/other", "runs/cnn", ""):
        assert known_model(stranger) is None


@pytest.mark.parametrize(
    ("labels", "reference", "expected"),
    [
        (["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"], "superb/hubert-large-superb-er", ["neu", "hap", "ang", "sad"]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], "superb/hubert-large-superb-er", None),  # another number of them
        (["LABEL_1", "LABEL_0", "LABEL_2", "LABEL_3"], "superb/hubert-large-superb-er", None),  # another order
        (["LABEL_0", "hap", "ang", "sad"], "superb/hubert-large-superb-er", None),  # it names some of them itself
        (["sad", "hap", "ang", "neu"], "superb/hubert-large-superb-er", None),
        (["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"], "anna/other", None),
    ],
)
def test_labels_come_from_the_table_only_where_the_config_has_none(
    labels: list[str], reference: str, expected: list[str] | None
) -> None:
    assert named_labels(labels, f"hub:{reference}") == tuple(expected or labels)
