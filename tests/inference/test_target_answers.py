"""Answers of models with words, dimensions, both, or several labels a clip: read, told, calibrated, adapted, written."""

import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from support.calibrated import CALIBRATION, calibrate_by_hand
from support.make_media import tone, write_sound
from support.models import DIMENSIONS, JOINT, LABELS, SEVERAL, VALUES, small_model
from support.schemas import validate
from support.small import emozoo, one_error

from emozoo import EmozooError
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.onnx_model import load as load_onnx
from emozoo.inference.adaptation import SpeakerBias, adapt_to_speakers, biases_from_others, middles_of
from emozoo.inference.calibration import COVERAGES, Calibration
from emozoo.inference.conformal import fit_margins, scale
from emozoo.inference.files import speaker_bias
from emozoo.inference.options import DEFAULTS, PredictOptions
from emozoo.inference.probabilities import read_outputs
from emozoo.inference.words import in_words
from emozoo.target import Outputs, Scale

patient = settings(deadline=None, max_examples=60)
RESIDUALS = {name: tuple(0.1 + share / 10 if share <= 0.95 else None for share in COVERAGES) for name in DIMENSIONS}
RATED = dataclasses.replace(CALIBRATION, residuals=RESIDUALS)
NUMBERS_ALONE = dataclasses.replace(RATED, temperature=1.0, lac=(None,) * len(COVERAGES), aps=(None,) * len(COVERAGES))
CALIBRATIONS = {JOINT: RATED, VALUES: NUMBERS_ALONE, Outputs(LABELS, target="votes"): CALIBRATION, SEVERAL: None}
WORDLESS = Outputs((), ("valence", "arousal"), "dimensions")
"""Of a foreign model: its scale is not known."""
raws = st.lists(st.floats(-30, 30), min_size=7, max_size=7).map(np.array)


def model_of(outputs: Outputs, calibration: Calibration | None = None) -> Any:
    return SimpleNamespace(outputs=outputs, labels=outputs.labels, target=outputs.target, calibration=calibration)


def read(raw: np.ndarray, outputs: Outputs) -> np.ndarray:
    """float64 [outputs] of as many of a network's numbers."""
    return read_outputs(raw[None, : len(outputs.names)], outputs, 1, lambda: True, "a model")[0]


# --- what the numbers mean


@patient
@given(raws, st.sampled_from(list(CALIBRATIONS)), st.booleans())
def test_any_numbers_are_read_as_their_target_says(raw: np.ndarray, outputs: Outputs, calibrated: bool) -> None:
    calibration = CALIBRATIONS[outputs] if calibrated else None
    said = in_words(model_of(outputs, calibration), read(raw, outputs), DEFAULTS)
    if outputs.multi:
        assert list((said.probabilities or {}).values()) == pytest.approx(expit(raw[:4]), abs=1e-12)
        there = [label for label, share in zip(LABELS, expit(raw[:4]), strict=True) if share >= 0.5]
        assert said.emotions is not None and set(said.emotions) == set(there)
        assert said.emotion == (said.emotions[0] if there else None) and said.reason is None
        shares = [(said.probabilities or {})[label] for label in said.emotions]
        assert shares == sorted(shares, reverse=True)
    elif outputs.labels:
        shares = scale(softmax(raw[:4]), 2.0) if calibration else softmax(raw[:4])
        assert list((said.probabilities or {}).values()) == pytest.approx(shares, abs=1e-12)
        assert said.emotion == LABELS[int(np.argmax(shares))] and said.emotions is None
    else:
        assert said.emotion is said.probabilities is said.emotions is None
    if outputs.dimensions:
        values = np.clip(raw[len(outputs.labels) : len(outputs.names)], 0, 1)
        assert list((said.dimensions or {}).values()) == values.tolist()  # the temperature of words leaves them alone
        low, high = outputs.scale.low, outputs.scale.high  # type: ignore[union-attr]
        assert list((said.ratings or {}).values()) == pytest.approx(np.interp(values, [0, 1], [low, high]))
    else:
        assert said.dimensions is said.ratings is None


@patient
@given(raws, st.floats(0, 1))
def test_below_the_confidence_several_labels_are_unsure(raw: np.ndarray, least: float) -> None:
    said = in_words(model_of(SEVERAL), read(raw, SEVERAL), PredictOptions(min_confidence=least))
    best = float(expit(raw[:4]).max())
    assert (said.reason == "unsure") is (best < least)
    assert all((said.probabilities or {})[label] >= max(0.5, least) for label in said.emotions or ())


def test_an_unsure_answer_of_words_keeps_its_dimensions() -> None:
    said = in_words(model_of(JOINT), read(np.full(7, 0.3), JOINT), PredictOptions(min_confidence=0.9))
    assert said.emotion is None and said.reason == "unsure" and said.dimensions == dict.fromkeys(DIMENSIONS, 0.3)


@pytest.mark.parametrize(
    ("scale", "told"), [((1, 5), "3.4"), ((-1, 1), "0.20"), ((0, 1), "0.60"), ((1, 7), "4.6"), ((0, 100), "60")]
)
def test_a_rating_is_told_as_exactly_as_people_rate(scale: tuple[int, int], told: str) -> None:
    assert Scale(*scale).written(0.6) == told


def assert_alike(one: Any, other: Any) -> None:
    """Equal, but for the rounding of another number of threads."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), [other[key] for key in one]
    if isinstance(one, list):
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            assert_alike(each, its)
    else:
        assert one == (pytest.approx(other, abs=1e-5) if isinstance(other, float) else other)


# --- intervals


@patient
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_a_margin_is_the_residual_of_the_corrected_rank(pairs: list[tuple[float, float]]) -> None:
    values, rated = np.array(pairs).T
    count = len(pairs)
    residuals = np.abs(values - rated)
    for coverage, margin in zip(COVERAGES, fit_margins(values, rated, True), strict=True):
        share = np.ceil(round((count + 1) * coverage, 9)) / count
        if share > 1:
            assert margin is None
        else:
            wanted = np.quantile(residuals, share - 1e-9, method="inverted_cdf")  # share x count may round up
            assert margin is not None and wanted <= margin <= min(wanted + 1.1e-6, 1)


def test_intervals_hold_the_rating_as_often_as_promised() -> None:
    """On exchangeable clips, averaged over many calibrations (Vovk et al. 2005; Lei et al. 2018)."""
    rng, trials, count = np.random.default_rng(0), 400, 60
    held = dict.fromkeys((0.8, 0.9, 0.95), 0.0)
    for _ in range(trials):
        rated = rng.uniform(size=(count + 50))
        values = np.clip(rated + rng.normal(0, 0.2, len(rated)), 0, 1)
        margins = dict(zip(COVERAGES, fit_margins(values[:count], rated[:count], True), strict=True))
        calibration = dataclasses.replace(NUMBERS_ALONE, residuals={"valence": tuple(margins.values())})
        for coverage in held:
            ends = [calibration.interval("valence", value, coverage, True) for value in values[count:]]
            held[coverage] += np.mean([low <= r <= high for (low, high), r in zip(ends, rated[count:], strict=True)])
    for coverage, times in held.items():
        assert coverage - 0.015 <= times / trials <= coverage + 1 / (count + 1) + 0.015


@patient
@given(raws, st.floats(0.5, 0.95))
def test_an_interval_lies_around_its_value_and_within_the_scale(raw: np.ndarray, coverage: float) -> None:
    said = in_words(model_of(JOINT, RATED), read(raw, JOINT), PredictOptions(coverage=coverage))
    for name, (low, high) in (said.intervals or {}).items():
        assert 0 <= low <= (said.dimensions or {})[name] <= high <= 1
    assert said.prediction_set and set(said.intervals or {}) == set(DIMENSIONS)
    free = in_words(
        model_of(WORDLESS, NUMBERS_ALONE), np.array([1.02, 0.5]), PredictOptions(coverage=0.9)
    )  # of a scale that is not known
    assert (free.intervals or {})["valence"] == pytest.approx((0.83, 1.21))


def test_a_calibration_of_dimensions_is_kept_and_a_damaged_one_refused(tmp_path: Path) -> None:
    small_model("cnn", VALUES).save(tmp_path / "model")
    calibrate_by_hand(tmp_path / "model", **vars(dataclasses.replace(NUMBERS_ALONE, middles={"valence": 0.4})))
    found = load(tmp_path / "model").calibration
    assert found is not None and found.residuals == RESIDUALS and found.highest == 0.95 and not found.has_labels
    with pytest.raises(EmozooError, match="promise no coverage of 0.97: ask for 0.95 or less"):
        found.margin("valence", 0.97)
    for residuals in ((-0.1,) * 50, (0.2, 0.1) * 25, (0.1,), (None, *(0.1,) * 49)):
        with pytest.raises(ValueError, match="residuals: valence"):
            dataclasses.replace(NUMBERS_ALONE, residuals={"valence": residuals})
    assert "residuals" not in CALIBRATION.to_dict()  # an older emozoo reads what is written without dimensions


# --- adaptation


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """A speaker's and others' answers, float64 [recordings, labels and dimensions], and the dimensions' middles."""
    labels, dimensions = draw(st.sampled_from([(0, 2), (3, 0), (4, 3)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def some(count: int) -> np.ndarray:
        logits = rng.normal(0, draw(st.sampled_from([0, 1, 20])), (count, labels))
        shares = softmax(logits, axis=1) if logits.size else logits
        values = rng.uniform(-0.2, 1.2, (count, dimensions)).clip(0, 1)
        return np.concatenate([shares, values], axis=1)

    middles = draw(st.lists(st.floats(0, 1), min_size=dimensions, max_size=dimensions))
    return some(draw(st.integers(0, 9))), some(draw(st.integers(1, 5))), tuple(middles)


@patient
@given(answers())
def test_adapted_answers_stay_what_they_are_and_none_move_without_recordings(case: Any) -> None:
    heard, others, middles = case
    nothing = SpeakerBias.from_probabilities(heard[:0], middles).apply(others)
    np.testing.assert_allclose(nothing, others, atol=1e-12)
    adapted = SpeakerBias.from_probabilities(heard, middles).apply(others)
    words = others.shape[1] - len(middles)
    assert adapted.shape == others.shape and ((adapted >= 0) & (adapted <= 1 + 1e-12)).all()
    if words:
        np.testing.assert_allclose(adapted[:, :words].sum(1), 1)
        alone = SpeakerBias.from_probabilities(heard[:, :words]).apply(others[:, :words])
        np.testing.assert_allclose(adapted[:, :words], alone, atol=1e-12)  # dimensions leave the words alone


@patient
@given(answers(), st.randoms())
def test_the_order_of_recordings_does_not_matter(case: Any, random: Any) -> None:
    heard, others, middles = case
    order = random.sample(range(len(heard)), len(heard))
    one, other = (SpeakerBias.from_probabilities(rows, middles).apply(others) for rows in (heard, heard[order]))
    np.testing.assert_allclose(one, other, atol=1e-9)


@patient
@given(answers(), st.lists(st.sampled_from(["a", "b", ""]), min_size=5, max_size=5))
def test_a_test_set_is_adapted_as_its_segments_would_be(case: Any, names: list[str]) -> None:
    _, others, middles = case
    speakers = names[: len(others)]
    adapted = adapt_to_speakers(others, speakers, middles=middles)
    for row, bias in enumerate(biases_from_others(others, speakers, middles)):
        wanted = others[row] if bias is None else bias.apply(others[row])
        np.testing.assert_allclose(adapted[row], wanted, atol=1e-12)


def test_the_shift_is_a_shrunken_difference_from_the_middle() -> None:
    bias = SpeakerBias.from_probabilities(np.array([[0.9], [0.7], [0.8], [0.8], [0.8]]), (0.4,))
    assert bias.shifts == pytest.approx((0.5 * 0.4,)) and bias.bias == ()
    np.testing.assert_allclose(bias.apply(np.array([[0.9], [0.1]])), [[0.7], [0.0]])


def test_the_middle_is_that_of_the_calibration_or_else_a_half() -> None:
    assert middles_of(model_of(JOINT)) == (0.5,) * 3
    known = dataclasses.replace(RATED, middles={"arousal": 0.3})
    assert middles_of(model_of(JOINT, known)) == (0.5, 0.3, 0.5)
    assert middles_of(model_of(SEVERAL, known)) == ()


# --- the commands


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sound = np.concatenate([tone(4, 16_000), 0.2 * tone(3, 16_000, hertz=900.0)])
    return write_sound(tmp_path_factory.mktemp("clips") / "clip.wav", sound, 16_000)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[Outputs, Path]:
    home = tmp_path_factory.mktemp("models")
    for number, (outputs, calibration) in enumerate(CALIBRATIONS.items()):
        model = small_model("cnn", outputs)
        model.calibration = calibration
        model.save(home / str(number))
    return {outputs: home / str(number) for number, outputs in enumerate(CALIBRATIONS)}


@pytest.mark.parametrize("outputs", list(CALIBRATIONS), ids=["joint", "dimensions", "votes", "several"])
def test_predict_prints_every_target_as_json_and_csv_and_draws_it(
    outputs: Outputs, models: dict[Outputs, Path], clip: Path, tmp_path: Path
) -> None:
    asked = [] if outputs.multi else ["--coverage", "0.9"]
    words = ["predict", clip, "--model", models[outputs], "--timeline", *asked]
    document = json.loads(emozoo(*words, "--json", "--plot", tmp_path / "picture.png").stdout)
    validate(document, "predict")
    assert document["labels"] == list(outputs.labels) and document.get("dimensions", []) == list(outputs.dimensions)
    assert document.get("scale") == ([outputs.scale.low, outputs.scale.high] if outputs.scale else None)
    assert (tmp_path / "picture.png").stat().st_size > 1000
    [answer] = document["predictions"]
    own = load(models[outputs], "cpu").predict(clip, timeline=True, coverage=None if outputs.multi else 0.9)
    assert_alike(answer, json.loads(json.dumps({**own.to_dict(), "file": str(clip)})))
    assert ("intervals" in answer) is bool(outputs.dimensions) and ("emotion" in answer) is bool(outputs.labels)
    scores = [{**(w.get("probabilities") or {}), **(w.get("dimensions") or {})} for w in answer["windows"]]
    for name in outputs.dimensions:
        assert answer["dimensions"][name] == pytest.approx(np.mean([each[name] for each in scores]))
    rows = list(csv.DictReader(io.StringIO(emozoo(*words, "--csv").stdout)))
    assert len(rows) == len(answer["windows"]) == 5
    for row, window in zip(rows, answer["windows"], strict=True):
        assert row["emotion"] == (window.get("emotion") or "")
        for name, value in {**window.get("probabilities", {}), **window.get("dimensions", {})}.items():
            assert float(row[name]) == pytest.approx(value, abs=1e-6)
        for name, value in window.get("ratings", {}).items():
            assert float(row[f"{name}_rating"]) == pytest.approx(value, abs=1e-6)
            assert [float(row[f"{name}_{end}"]) for end in ("low", "high")] == pytest.approx(
                window["intervals"][name], abs=1e-6
            )
        assert row.get("emotions", "") == " ".join(window.get("emotions", []))


def test_the_terminal_tells_the_rating_with_its_scale(models: dict[Outputs, Path], clip: Path) -> None:
    told = emozoo("predict", clip, "--model", models[JOINT], "--coverage", "0.9", COLUMNS="240").stdout
    answer = load(models[JOINT], "cpu").predict(clip, coverage=0.9)
    low, high = (1 + 4 * end for end in (answer.intervals or {})["valence"])
    assert f"{(answer.ratings or {})['valence']:.1f} ({low:.1f} to {high:.1f})" in told and str(answer.emotion) in told
    assert "valence, arousal, dominance of 1 to 5 (in brackets: where people's rating lies in 90 % of cases)" in told


def test_listen_answers_every_target_line_by_line(models: dict[Outputs, Path], clip: Path) -> None:
    for outputs, said in ((JOINT, " of 1 to 5"), (VALUES, "valence "), (SEVERAL, " %")):
        words = [sys.executable, "-m", "emozoo", "listen", "--model", str(models[outputs]), "--hop", "3"]
        lines, told = (
            subprocess.run([*words, *more], input=clip.read_bytes(), capture_output=True, check=True).stdout.decode()
            for more in (["--json"], [])
        )
        windows = load(models[outputs], "cpu").predict(clip, timeline=True, hop=3).windows or ()
        assert len(lines.splitlines()) == len(told.splitlines()) == len(windows) and said in told
        for line, window in zip(map(json.loads, lines.splitlines()), windows, strict=True):
            validate(line, "listen-line")
            assert line.get("dimensions") == pytest.approx(window.dimensions, abs=1e-4)
            assert line.get("ratings") == pytest.approx(window.ratings, abs=1e-3)
            assert line.get("scale") == ([outputs.scale.low, outputs.scale.high] if outputs.scale else None)


@pytest.mark.parametrize("outputs", [JOINT, VALUES], ids=["joint", "dimensions"])
def test_segments_and_speakers_have_dimensions_that_adapt(
    outputs: Outputs, models: dict[Outputs, Path], clip: Path
) -> None:
    model = load(models[outputs], "cpu")
    turns = [(0, 3, "ann"), (3, 5, "bob"), (4, 7, "ann")]
    plain, adapted = (model.predict(clip, segments=turns, adapt_speakers=adapt) for adapt in (False, True))
    assert plain.segments and plain.speakers and adapted.segments
    rows = np.array([list((each.scores or {}).values()) for each in plain.segments])
    wanted = adapt_to_speakers(rows, [speaker for _, _, speaker in turns], middles=middles_of(model))
    found = np.array([list((each.scores or {}).values()) for each in adapted.segments])
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert np.abs(found[0] - rows[0]).max() > 0.01 and [each.adapted_with for each in adapted.segments] == [1, 0, 1]
    ann = np.average(rows[[0, 2]], axis=0, weights=[3, 3])
    assert list((plain.speakers[0].scores or {}).values()) == pytest.approx(ann)
    assert set(plain.speakers[0].ratings or {}) == set(DIMENSIONS)
    bias = speaker_bias(model, clip)
    assert bias.recordings == 1 and len(bias.shifts) == 3 and len(bias.bias) == len(outputs.labels)
    scores = np.array(list((model.predict(clip).scores or {}).values()))
    moved = SpeakerBias.from_probabilities(scores[None], middles_of(model)).apply(scores)
    to_speaker = model.predict(clip, speaker=clip).scores or {}
    assert list(to_speaker.values()) == pytest.approx(moved.tolist(), abs=1e-9)


@pytest.mark.parametrize(
    ("outputs", "options", "sentence"),
    [
        (SEVERAL, {"coverage": 0.9}, "finds several emotions in a clip"),
        (SEVERAL, {"segments": [(0, 3, "a")], "adapt_speakers": True}, "a probability of its own"),
        (VALUES, {"min_confidence": 0.5}, "valence, arousal, dominance, not with probabilities of words"),
        (VALUES, {"coverage": 0.99}, "promise no coverage of 0.99: ask for 0.95 or less"),
    ],
)
def test_what_a_model_cannot_give_is_refused_in_a_sentence(
    outputs: Outputs, options: dict[str, Any], sentence: str, models: dict[Outputs, Path], clip: Path
) -> None:
    with pytest.raises(EmozooError, match=sentence):
        load(models[outputs], "cpu").predict(clip, **options)


def test_a_speaker_is_refused_for_several_labels_and_an_interval_without_calibration(
    models: dict[Outputs, Path], clip: Path
) -> None:
    error = one_error(emozoo("predict", clip, "--model", models[SEVERAL], "--speaker", clip, check=2))
    assert "leave the adaptation to the speaker out" in error
    with pytest.raises(EmozooError, match="not calibrated, so no interval has a known coverage"):
        small_model("cnn", VALUES).predict(clip, coverage=0.9)
    model = small_model("cnn", JOINT)
    model.calibration = CALIBRATION
    with pytest.raises(EmozooError, match="calibrated without ratings of valence"):
        model.predict(clip, coverage=0.9)


def test_a_graph_answers_for_words_and_dimensions_as_its_network_does(
    models: dict[Outputs, Path], clip: Path, tmp_path: Path
) -> None:
    for number, outputs in enumerate((JOINT, VALUES, SEVERAL)):
        export_onnx(models[outputs], tmp_path / str(number))
        own, graph = load(models[outputs], "cpu").predict(clip), load_onnx(tmp_path / str(number)).predict(clip)
        assert graph.scores == pytest.approx(own.scores, abs=1e-3)  # most of a tone's spectrum is rounding
        assert graph.ratings == pytest.approx(own.ratings, abs=6e-3)
        assert (graph.emotions is None) is (own.emotions is None)


def test_a_notebook_shows_dimensions_and_all_labels(models: dict[Outputs, Path], clip: Path) -> None:
    joint = load(models[JOINT], "cpu").predict(clip, coverage=0.9)
    page = joint._repr_html_()
    assert page.count("<tr>") == 7 and f"{(joint.ratings or {})['arousal']:.2f}" in page and "of 0 to 1" in page
    several = load(models[SEVERAL], "cpu").predict(clip)
    assert ", ".join(several.emotions or ("none",)) in several._repr_html_()
