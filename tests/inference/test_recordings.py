"""Adapting answers to the recordings at hand: the rule and its guard, and every command that follows it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import write_sound
from support.models import LABELS, SEVERAL, VALUES, small_model
from support.recordings import sounds, telling_model, write_sounds
from support.schemas import validate
from support.small import emozoo, one_error

from emozoo import EmozooError
from emozoo.evaluation.adapting import Adaptation, adapted_answers
from emozoo.evaluation.evaluate import evaluate
from emozoo.inference.answers import document
from emozoo.inference.files import predict_files
from emozoo.inference.options import PredictOptions
from emozoo.inference.recordings import MIXED, MOST, Evidence, RecordingsBias
from emozoo.listening.listener import FEWEST, Listener

RATE = 16_000
patient = settings(deadline=None, max_examples=50)


@st.composite
def answers(draw: st.DrawFn, least: int = 0) -> np.ndarray:
    """float64 [recordings, labels], from even to exactly 0 and 1."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(least, 12)), draw(st.integers(2, 6))
    logits = rng.normal(0, draw(st.sampled_from([0, 1, 10, 1_000])), shape) + rng.normal(0, 1, shape[1])
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


@patient
@given(answers())
def test_adapted_answers_are_probabilities_and_the_bias_is_short(given_answers: np.ndarray) -> None:
    bias = RecordingsBias.from_probabilities(given_answers)
    adapted = bias.apply(given_answers)
    assert adapted.shape == given_answers.shape and (adapted >= 0).all()
    np.testing.assert_allclose(adapted.sum(1), 1)
    assert np.linalg.norm(bias.bias) <= MOST * bias.difference + 1e-12 and sum(bias.bias) == pytest.approx(0, abs=1e-12)
    assert bias.recordings == len(given_answers) and len(bias.bias) == given_answers.shape[1]


@patient
@given(answers(1), st.integers(0, 2**32 - 1))
def test_the_order_of_the_recordings_does_not_matter(given_answers: np.ndarray, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(given_answers)
    one, other = map(RecordingsBias.from_probabilities, (given_answers, shuffled))
    assert one.difference == pytest.approx(other.difference, abs=1e-9)
    if abs(one.difference - MIXED) > 1e-9:
        assert one.bias == pytest.approx(other.bias, abs=1e-9)


@patient
@given(answers(1))
def test_neither_no_recording_nor_one_nor_copies_of_it_change_anything(given_answers: np.ndarray) -> None:
    for heard in (given_answers[:0], given_answers[:1], np.repeat(given_answers[:1], 50, 0)):
        bias = RecordingsBias.from_probabilities(heard)
        assert not bias.is_applied and bias.adapted_with == 0 and bias.sentence.startswith("not adapted: ")
        assert np.array_equal(bias.apply(given_answers), given_answers)


@patient
@given(answers())
def test_a_label_far_more_probable_than_any_other_stays_the_answer(given_answers: np.ndarray) -> None:
    bias = RecordingsBias.from_probabilities(given_answers)
    adapted, reach = bias.apply(given_answers), np.exp(np.sqrt(2) * MOST * bias.difference)
    for before, after in zip(given_answers, adapted, strict=True):
        *_, second, first = np.sort(before)
        if first > 1.001 * reach * second:
            assert after.argmax() == before.argmax()


def simulated(rng: np.random.Generator, mood: int, count: int, apart: float, room: np.ndarray) -> np.ndarray:
    """A network's answers to recordings of one mood, which it tells `apart` from others in noise, in a `room`."""
    logits = rng.normal(0, 1, (count, 4)) + room
    logits[:, mood] += apart
    shares = np.exp(logits)
    return shares / shares.sum(1, keepdims=True)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 20, 100]))
def test_recordings_of_one_mood_lose_a_point_at_most_in_the_mean(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    right = np.zeros(2)
    for mood in range(4):
        for _ in range(60):
            alone = simulated(rng, mood, count, rng.uniform(0.5, 3), rng.normal(0, 0.5, 4))
            adapted = RecordingsBias.from_probabilities(alone).apply(alone)
            right += [np.mean(each.argmax(1) == mood) for each in (alone, adapted)]
    assert right[1] >= right[0] - 0.01 * 4 * 60


def test_recordings_of_mixed_moods_lose_their_bias() -> None:
    rng, room = np.random.default_rng(0), np.array([1.0, -0.5, 0.0, -0.5])
    mixed = np.concatenate([simulated(rng, mood, 50, 2.5, room) for mood in range(4)])
    bias = RecordingsBias.from_probabilities(mixed)
    truth = np.repeat(np.arange(4), 50)
    assert bias.is_applied and int(np.argmax(bias.bias)) == 0
    before, after = (np.mean(each.argmax(1) == truth) for each in (mixed, bias.apply(mixed)))
    assert after > before + 0.02


def test_the_rule_by_hand() -> None:
    heard = np.array([[0.9, 0.1], [0.05, 0.95], [0.95, 0.05], [0.98, 0.02], [0.1, 0.9]])
    bias = RecordingsBias.from_probabilities(heard)
    mean = heard.mean(0)
    difference = -(mean * np.log(mean)).sum() + (heard * np.log(heard)).sum(1).mean()
    logs = np.log(heard).mean(0)
    assert bias.difference == pytest.approx(difference) and difference > MIXED
    measured = (logs - logs.mean()) * 5 / 10
    assert np.linalg.norm(measured) > difference / 2
    np.testing.assert_allclose(bias.bias, measured * difference / 2 / np.linalg.norm(measured))
    assert bias.sentence == f"adapted to 5 recordings together, whose answers differ by {difference:.2f} nats"


def test_overlapping_recordings_weigh_less_and_few_do_nothing() -> None:
    evidence = Evidence(2)
    for number in range(12):
        evidence.add(np.array([[0.97, 0.03], [0.2, 0.8]][number % 2]), 0.5)
    assert evidence.bias().is_applied and evidence.bias(6).is_applied and not evidence.bias(6.1).is_applied
    halved = RecordingsBias.from_probabilities(np.array([[0.97, 0.03], [0.2, 0.8]] * 3))
    assert evidence.bias().bias == pytest.approx(halved.bias) and evidence.bias().recordings == 12


# --- a model's answers


@pytest.fixture(scope="module")
def model() -> Any:
    return telling_model()


@pytest.fixture(scope="module")
def folder(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's checkpoint, eight sounds, silence, and what is no sound."""
    place = tmp_path_factory.mktemp("recordings")
    model.save(place / "model")
    write_sounds(place)
    write_sound(place / "8 silent.wav", np.zeros((RATE, 1), np.float32), RATE)
    (place / "9 text.wav").write_text("no sound")
    return place


def rows(found: Any) -> np.ndarray:
    return np.array([list(each.probabilities.values()) for each in found if each.probabilities])


def test_a_folder_is_adapted_and_what_has_no_voice_does_not_count(model: Any, folder: Path) -> None:
    names, told = sorted(folder.glob("*.wav")), []
    options = PredictOptions(timeline=True, adapt_recordings=True)
    plain = list(predict_files(model, names, PredictOptions(timeline=True)))
    found = list(predict_files(model, names, options, adapted=told.append))
    [bias] = told
    assert bias.recordings == 8 and bias.is_applied
    np.testing.assert_allclose(rows(found), bias.apply(rows(plain)), atol=1e-9)
    assert np.abs(rows(found) - rows(plain)).max() > 0.01 and found[8:] == plain[8:]
    for before, after in zip(plain[:8], found[:8], strict=True):
        np.testing.assert_allclose(rows(after.windows), bias.apply(rows(before.windows)), atol=1e-9)
        assert after.emotion == max(after.probabilities, key=after.probabilities.get)
    validate(document("small", model.outputs, found, True, bias), "predict")
    assert model.predict(names[0], adapt_recordings=True) == model.predict(names[0])
    together = model.predict(names[:8], adapt_recordings=True)
    np.testing.assert_allclose(rows(together), rows(found), atol=1e-5)


def test_with_segments_those_of_each_speaker_are_adapted(model: Any) -> None:
    clip = (np.concatenate(sounds()), RATE)
    spans = [(3 * n, 3 * n + 3, "anna" if n < 5 else "bob" if n < 6 else "") for n in range(8)]
    plain, found = (model.predict(clip, segments=spans, adapt_recordings=each).segments for each in (False, True))
    bias = RecordingsBias.from_probabilities(rows(plain[:5]))
    assert bias.is_applied and [each.adapted_with for each in found] == [5] * 5 + [0, None, None]
    np.testing.assert_allclose(rows(found[:5]), bias.apply(rows(plain[:5])), atol=1e-9)
    np.testing.assert_allclose(rows(found[5:]), rows(plain[5:]), atol=1e-9)


def test_a_stream_is_adapted_to_what_it_held_so_far_however_it_is_cut(model: Any) -> None:
    sound = np.concatenate(sounds())
    plain = list(Listener(model).hear([sound]))
    options = PredictOptions(adapt_recordings=True)
    found, cut = (list(Listener(model, RATE, options).hear(parts)) for parts in ([sound], np.array_split(sound, 7)))
    np.testing.assert_allclose(rows(found), rows(cut), atol=1e-3)
    evidence = Evidence(4)
    for number, (before, after) in enumerate(zip(plain, found, strict=True)):
        evidence.add(rows([before])[0], 1 / 3)
        bias = evidence.bias(FEWEST)
        np.testing.assert_allclose(rows([after]), bias.apply(rows([before])), atol=1e-3)
        assert after.adapted_with == after.to_dict()["adapted_with"] == bias.adapted_with
        assert number >= 3 * FEWEST - 1 or not bias.is_applied
    assert found[-1].adapted_with == len(found) and plain[-1].adapted_with is None


def test_a_test_set_is_adapted_corpus_by_corpus(model: Any) -> None:
    rng = np.random.default_rng(0)
    mixed = np.concatenate([simulated(rng, mood, 20, 4, np.array([1.0, 0, 0, -1])) for mood in range(4)])
    given_answers = np.concatenate([mixed, np.full((5, 4), 0.25)])
    corpora = ["a"] * 80 + ["b"] * 5
    found, done = adapted_answers(Adaptation("recordings", None, ""), model, given_answers, [""] * 85, corpora)
    np.testing.assert_allclose(found[:80], RecordingsBias.from_probabilities(mixed).apply(mixed))
    assert np.array_equal(found[80:], given_answers[80:])
    assert (
        done.note.startswith("a: adapted to 80 recordings together") and "b: not adapted: the answers to 5" in done.note
    )
    assert done.note.endswith("unlabelled test recordings were used") and done.recordings is None


# --- commands


def test_predict_says_what_it_did_on_standard_error(folder: Path) -> None:
    words = ["predict", folder, "--model", folder / "model", "--adapt", "recordings"]
    done = emozoo(*words, "--jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for each in lines:
        validate(each, "predict-line")
    note = lines[0]["adapted"]["note"]
    assert note.startswith("adapted to 8 recordings together") and note in done.stderr.splitlines() and len(lines) == 10
    assert lines[-1]["adapted"] == {"to": "recordings", "recordings": 8, "adapted_with": 8, "note": note}
    one = emozoo("predict", folder / "0.wav", *words[2:], "--csv")
    assert "not adapted: one recording was answered, and it takes several of mixed moods" in one.stderr.splitlines()


def test_evaluate_says_that_unlabelled_test_recordings_were_used(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    lines = [f"{folder / f'{number}.wav'},{LABELS[number % 4]}" for number in range(8)]
    table.write_text("\n".join(["file,label", *lines]), encoding="utf-8")
    asked = {"dataset": "manifest", "data_dir": str(table), "device": "cpu"}
    found = evaluate(folder / "model", **asked, adapt="recordings")
    assert found.adapted is not None and found.adapted.note.startswith("adapted to 8 recordings together")
    assert found.to_dict()["adapted"]["to"] == "recordings" and "test recordings were used" in found.adapted.note
    with pytest.raises(EmozooError, match="--recordings 3: needs --adapt speaker"):
        evaluate(folder / "model", **asked, adapt="recordings", recordings=3)


@pytest.mark.parametrize("outputs", [VALUES, SEVERAL])
def test_a_model_without_one_word_for_a_clip_is_refused(outputs: Any) -> None:
    found = small_model(outputs=outputs)
    with pytest.raises(EmozooError, match="leave the adaptation to the recordings out"):
        found.predict([(sounds()[0], RATE)], adapt_recordings=True)


@pytest.mark.parametrize("command", [["predict", "a.wav"], ["listen"]])
def test_a_speaker_and_the_recordings_exclude_each_other(command: list[str], tmp_path: Path) -> None:
    error = one_error(emozoo(*command, "--adapt", "recordings", "--speaker", "b.wav", check=2, cwd=tmp_path))
    assert "--speaker and --adapt recordings both subtract a bias" in error
    with pytest.raises(EmozooError, match="not to both"):
        PredictOptions(adapt_recordings=True, bias=RecordingsBias(0, 0, ()))
