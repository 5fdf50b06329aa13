"""Labels that look exchanged are found by the answers of a model that knows the corpus well enough; right ones never."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import small_model
from support.places import SHARED_DATA, needs_shared
from support.schemas import validate
from support.small import emozoo
from support.tables import Row, table

from emozoo.checkpoint.model import EmotionModel
from emozoo.evaluation.data import open_data
from emozoo.inspection.corpus import untold
from emozoo.inspection.exchanged import _shares_in_order, compared
from emozoo.inspection.second_opinion import Asked, SecondOpinion, ask

RATE = 16_000
WORDS = ("angry", "happy", "neutral", "sad")


class Loudness(torch.nn.Module):
    """Answers by loudness, which is what the emotion is in `loud_corpus`. It says sad too often."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = torch.nn.Parameter(torch.tensor([-2.2, -2.8, -3.4, -4.0]))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        level = (sound.square().sum(1) / (sound != 0).sum(1)).log10()[:, None]
        return -9 * (level - self.levels) ** 2 + torch.tensor([0.0, 0.0, 0.0, 1.0])


@pytest.fixture
def loudness() -> EmotionModel:
    model = small_model(outputs=WORDS)
    model.network = Loudness()
    return model


@pytest.fixture(scope="module")
def loud_corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """12 clips of each word, of 6 speakers."""
    folder = tmp_path_factory.mktemp("loud")
    rows = []
    for number in range(48):
        loud = number % 4
        sound = np.random.default_rng(number).standard_normal(RATE // 2)
        sound *= 10 ** (-1.1 - 0.3 * loud + 0.15 * np.sin(number)) / np.sqrt(np.mean(sound**2))
        soundfile.write(folder / f"{number}.wav", sound, RATE)
        rows.append({"file": str(folder / f"{number}.wav"), "label": WORDS[loud], "speaker": f"s{number // 8}"})
    return rows


def opinion_on(rows: list[Row], path: Path, model: EmotionModel) -> SecondOpinion:
    data = open_data("manifest", str(table(path, rows)), None, {}, video=False)
    return ask(Asked("ours", model), data, data.classes, untold)


def exchanged_in(rows: list[Row], one: str, other: str) -> list[Row]:
    return [{**row, "label": {one: other, other: one}.get(row["label"], row["label"])} for row in rows]


def test_exchanged_labels_are_found_and_right_ones_left_in_peace(
    loud_corpus: list[Row], loudness: EmotionModel, tmp_path: Path
) -> None:
    as_labelled = opinion_on(loud_corpus, tmp_path / "right.csv", loudness)
    assert as_labelled.comparison.tells and not [*as_labelled.findings()]
    for one, other in combinations(WORDS, 2):
        opinion = opinion_on(exchanged_in(loud_corpus, one, other), tmp_path / f"{one}{other}.csv", loudness)
        (finding,) = opinion.findings()
        assert finding.problem and finding.text.startswith(
            f"{one} and {other} look exchanged: of 12 clips labelled {one}"
        )


def test_labels_in_other_words_are_compared_all_the_same(
    loud_corpus: list[Row], loudness: EmotionModel, tmp_path: Path
) -> None:
    german = {"angry": "Wut", "happy": "Freude", "neutral": "neutral", "sad": "Trauer"}
    rows = [{**row, "label": german[row["label"]]} for row in exchanged_in(loud_corpus, "angry", "sad")]
    (finding,) = opinion_on(rows, tmp_path / "german.csv", loudness).findings()
    assert "look exchanged" in finding.text


def test_a_model_that_has_heard_the_clips_says_so(
    loud_corpus: list[Row], loudness: EmotionModel, tmp_path: Path
) -> None:
    data = open_data("manifest", str(table(tmp_path / "t.csv", loud_corpus)), None, {}, video=False)
    loudness.provenance = data.clips.provenance(range(8), [])
    opinion = ask(Asked("ours", loudness), data, data.classes, untold)
    assert "ours was trained on 8 of these clips and 1 of these 6 speakers" in opinion.note


def test_a_model_that_guesses_tells_nothing(loud_corpus: list[Row], tmp_path: Path) -> None:
    """Through the command line; also where labels are exchanged."""
    small_model(outputs=WORDS).save(tmp_path / "model")
    path = table(tmp_path / "t.csv", exchanged_in(loud_corpus, "angry", "sad"))
    words = ("check", "--dataset", "manifest", "--data-dir", str(path), "--model", str(tmp_path / "model"), "--json")
    document = json.loads(emozoo(*words, "--device", "cpu", check=None).stdout)
    validate(document, "check-dataset")
    assert "nothing can be told of the labels" in document["model"]["note"]
    assert not document["model"]["tells"] and not any(
        finding["kind"] == "exchanged" for finding in document["findings"]
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), strength=st.floats(0, 3), speakers=st.integers(1, 12), count=st.integers(2, 5))
def test_labels_that_are_right_are_never_called_exchanged(
    seed: int, strength: float, speakers: int, count: int
) -> None:
    """However weak the model is, and however it prefers a word, as long as it errs by chance."""
    rng = np.random.default_rng(seed)
    names = [f"label {number}" for number in range(count)]
    truth = rng.integers(0, count, 60)
    logits = strength * np.eye(count)[truth] + rng.standard_normal((60, count)) + 2 * rng.standard_normal(count)
    answers = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    who = [f"s{number % speakers}" for number in range(60)]
    assert compared(answers, [names[each] for each in truth], who, names).exchanged == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.lists(st.integers(-5, 5), min_size=1, max_size=20))
def test_the_share_of_pairs_in_order_is_what_counting_gives(one: list[int], other: list[int]) -> None:
    score = np.array([*one, *other], float)
    first = np.arange(len(score)) < len(one)
    counted = np.mean([(a > b) + 0.5 * (a == b) for a in one for b in other])
    (share,) = _shares_in_order(score, first, ~first, np.ones((1, len(score))))
    assert share == pytest.approx(counted)


@needs_shared
@pytest.mark.parametrize("exchange", [None, ("angry", "sad")])
def test_the_bundled_model_finds_exchanged_labels_in_a_corpus_that_it_does_not_know(
    tmp_path: Path, exchange: tuple[str, str] | None
) -> None:
    with open(SHARED_DATA / "speech" / "metadata.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == "ased" and row["emotion"] in WORDS]
    rows = [
        {"file": str(SHARED_DATA / "speech" / row["file"]), "label": row["emotion"], "speaker": row["speaker"]}
        for row in rows[::4]
    ]
    path = table(tmp_path / "ased.csv", exchanged_in(rows, *exchange) if exchange else rows)
    words = ("check", "--dataset", "manifest", "--data-dir", str(path), "--json", "--device", "cpu")
    document = json.loads(emozoo(*words, check=None).stdout)
    validate(document, "check-dataset")
    assert document["model"]["tells"]
    assert document["model"]["exchanged"] == ([list(exchange)] if exchange else [])
