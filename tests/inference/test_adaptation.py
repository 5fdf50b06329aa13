"""Adapting to a speaker: the rule for all probabilities, and both commands that follow it."""

import csv
import json
import logging
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import tone, write_sound
from support.models import LABELS, small_model
from support.small import emozoo, one_error, toy, train_words

import emozoo as package
from emozoo import EmozooError
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.onnx_model import load
from emozoo.evaluation.evaluate import evaluate
from emozoo.inference.adaptation import SpeakerBias, adapt_to_speakers, adaptation_note
from emozoo.inference.files import predict_files, speaker_bias
from emozoo.inference.options import PredictOptions

patient = settings(deadline=None, max_examples=50)


@st.composite
def probabilities(draw: st.DrawFn, least: int = 0, most: int = 12, labels: int | None = None) -> np.ndarray:
    """float64 [clips, labels], from even to exactly 0 and 1."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(least, most)), labels or draw(st.integers(2, 6))
    logits = rng.normal(0, draw(st.sampled_from([0, 1, 10, 1_000])), shape)
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    return probabilities / probabilities.sum(1, keepdims=True)


@patient
@given(probabilities())
def test_no_recordings_change_nothing(probabilities: np.ndarray) -> None:
    bias = SpeakerBias.from_probabilities(probabilities[:0])
    assert bias.recordings == 0 and set(bias.bias) == {0.0}
    np.testing.assert_allclose(bias.apply(probabilities), probabilities, atol=1e-15)


@patient
@given(st.integers(2, 6).flatmap(lambda labels: st.tuples(*[probabilities(labels=labels)] * 2)))
def test_adapted_answers_are_distributions(case: tuple[np.ndarray, np.ndarray]) -> None:
    heard, probabilities = case
    adapted = SpeakerBias.from_probabilities(heard).apply(probabilities)
    assert adapted.shape == probabilities.shape and (adapted >= 0).all()
    np.testing.assert_allclose(adapted.sum(1), 1)
    for row, alone in zip(adapted, probabilities, strict=True):
        np.testing.assert_array_equal(row, SpeakerBias.from_probabilities(heard).apply(alone))


@patient
@given(probabilities(1, 1), st.integers(1, 30), st.integers(1, 30))
def test_the_more_recordings_say_the_same_the_more_they_move(one: np.ndarray, count: int, more: int) -> None:
    few, many = (
        np.array(SpeakerBias.from_probabilities(np.repeat(one, times, axis=0)).bias) for times in (count, count + more)
    )
    whole = np.log(np.maximum(one[0], 1e-6))
    whole -= whole.mean()
    np.testing.assert_allclose(few, whole * count / (count + 5), atol=1e-9)
    assert (np.abs(few) <= np.abs(many) + 1e-9).all() and (np.abs(many) <= np.abs(whole) + 1e-9).all()


@patient
@given(probabilities(1), st.integers(0, 2**32 - 1))
def test_the_order_of_the_recordings_does_not_matter(heard: np.ndarray, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(heard)
    one, other = map(SpeakerBias.from_probabilities, (heard, shuffled))
    assert one.bias == pytest.approx(other.bias, abs=1e-9) and sum(one.bias) == pytest.approx(0, abs=1e-9)


def test_what_a_voice_always_sounds_like_becomes_less_likely() -> None:
    heard = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.4, 0.4], [0.8, 0.1, 0.1]])
    bias = SpeakerBias.from_probabilities(heard)
    assert bias.recordings == 5 and bias.bias[0] > bias.bias[1] > bias.bias[2]
    even = bias.apply(np.full(3, 1 / 3))
    assert even[0] < even[1] < even[2]
    # By hand: half of the centred means of the logarithms goes.
    means = np.log(heard).mean(0)
    expected = np.exp(np.log([0.5, 0.3, 0.2]) - (means - means.mean()) / 2)
    np.testing.assert_allclose(bias.apply(np.array([0.5, 0.3, 0.2])), expected / expected.sum())


# --- a test set


@patient
@given(probabilities(1, 20), st.data())
def test_each_clip_is_adapted_with_others_of_its_speaker_never_itself(
    probabilities: np.ndarray, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(["a", "b", ""]), min_size=1))
    speakers = [names[row % len(names)] for row in range(len(probabilities))]
    whole = adapt_to_speakers(probabilities, speakers)
    for row, speaker in enumerate(speakers):
        others = [other for other, name in enumerate(speakers) if name == speaker and other != row]
        expected = (
            SpeakerBias.from_probabilities(probabilities[others]).apply(probabilities[row])
            if speaker
            else probabilities[row]
        )
        np.testing.assert_allclose(whole[row], expected, atol=1e-12)
    np.testing.assert_array_equal(
        adapt_to_speakers(probabilities, speakers, 2), adapt_to_speakers(probabilities, speakers, 2)
    )
    np.testing.assert_allclose(adapt_to_speakers(probabilities, speakers, len(probabilities)), whole, atol=1e-12)


def test_so_many_others_are_drawn_as_were_asked_for() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 7)
    drawn = set()
    for row, adapted in enumerate(adapt_to_speakers(probabilities, ["a"] * 7, 1)):
        found = [
            other
            for other in range(7)
            if np.allclose(SpeakerBias.from_probabilities(probabilities[[other]]).apply(probabilities[row]), adapted)
        ]
        assert len(found) == 1 and found != [row]
        drawn.update(found)
    assert len(drawn) > 2


def test_the_note_counts_whom_it_could_not_serve() -> None:
    assert adaptation_note(["a", "a", "b", "b"]) == (
        "adapted to each speaker with all other recordings; unlabelled test recordings were used"
    )
    assert adaptation_note(["a", "a"], 1).startswith("adapted to each speaker with 1 other recording;")
    note = adaptation_note(["a", "a", "a", "b", "b", "c", ""], 2)
    assert "with 2 other recordings; " in note
    assert "for 3 of 7 clips there are fewer of the speaker" in note
    assert "1 of 7 clips stay as they are, because their speaker is unknown" in note
    assert "for 1 of 3 clips there are none of the speaker" in adaptation_note(["a", "a", "b"])


# --- files


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "with spaces and ümläuts"
    small_model().save(folder)
    export_onnx(folder)
    return folder


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker's folder: three sounds, and a file that cannot be read."""
    folder = tmp_path_factory.mktemp("voices") / "Jürgen [2]"
    for number in range(3):
        name = folder / ("deep" if number else "") / f"{number}.wav"
        name.parent.mkdir(parents=True, exist_ok=True)
        write_sound(name, tone(1 + 2 * number, 16_000, hertz=200 + 300 * number), 16_000)
    (folder / "text.wav").write_text("not sound at all")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("clips") / "clip.wav", tone(4.5, 16_000, hertz=440), 16_000)


def test_a_speakers_recordings_are_heard_and_bad_ones_left_out(
    voice: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = small_model()
    with caplog.at_level(logging.WARNING, "emozoo"):
        bias = speaker_bias(model, voice)
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "text.wav" in caplog.text
    heard = [model.predict(path).probabilities for path in sorted(voice.rglob("[0-9].wav"))]
    expected = SpeakerBias.from_probabilities(np.array([list(each.values()) for each in heard]))
    assert bias.recordings == 3 and bias.bias == pytest.approx(expected.bias, abs=1e-5)
    assert speaker_bias(model, []).recordings == 0
    # The clip's own answer and each window's are adapted; the file that is not sound stays an error.
    plain, adapted = (
        list(predict_files(model, [str(clip), str(voice / "text.wav")], PredictOptions(timeline=True, bias=each)))
        for each in (None, bias)
    )
    assert adapted[1] == plain[1]
    pairs = [(plain[0], adapted[0]), *zip(plain[0].windows, adapted[0].windows, strict=True)]
    assert len(pairs) == 4
    for before, after in pairs:
        wanted = bias.apply(np.array(list(before.probabilities.values())))
        assert list(after.probabilities.values()) == pytest.approx(wanted, abs=1e-5)
        assert after.emotion == max(after.probabilities, key=after.probabilities.get)
    assert model.predict(clip, speaker=[voice, clip]).probabilities != plain[0].probabilities
    with pytest.raises(EmozooError, match="none of the speaker's recordings"):
        model.predict(clip, speaker=str(voice / "text.wav"))


def test_predict_adapts_to_a_speaker(run: Path, voice: Path, clip: Path) -> None:
    words = ["predict", clip, "--model", run, "--speaker", voice, "--speaker", clip]
    done = emozoo(*words, "--json", "--timeline")
    document = json.loads(done.stdout)
    assert list(document) == ["schema", "model", "labels", "speaker", "predictions"]
    assert document["speaker"] == {"recordings": 4}
    assert "left out of the speaker's recordings" in done.stderr and "text.wav" in done.stderr
    model = package.load(run, "cpu")
    expected = model.predict(clip, timeline=True, speaker=[voice, clip])
    answer = document["predictions"][0]
    assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    for ours, theirs in zip(answer["windows"], expected.windows, strict=True):
        assert ours["probabilities"] == pytest.approx(theirs.probabilities, abs=1e-5)
    assert answer["probabilities"] != pytest.approx(model.predict(clip).probabilities, abs=1e-3)
    assert "adapted to the speaker with 4 recordings" in emozoo(*words).stdout


def test_the_onnx_backend_adapts_as_torch_does(run: Path, voice: Path, clip: Path) -> None:
    done = emozoo("predict", clip, "--model", run, "--speaker", voice / "0.wav", "--csv", "--backend", "onnx")
    assert "adapted to the speaker with 1 recording\n" in done.stderr
    (row,) = csv.DictReader(done.stdout.splitlines())
    for backend in (package.load(run, "cpu"), load(run)):
        expected = backend.predict(clip, speaker=voice / "0.wav").probabilities
        assert {label: float(row[label]) for label in LABELS} == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text.wav", "none of the speaker's recordings could be read"),
        ("*.flac", "no file matches"),
    ],
)
def test_a_speaker_without_a_recording_is_one_error_before_any_answer(
    name: str, reason: str, run: Path, voice: Path, clip: Path
) -> None:
    done = emozoo("predict", clip, "--model", run, "--json", "--speaker", voice / name, check=2)
    assert reason in one_error(done) and list(json.loads(done.stdout)) == ["schema", "error"]


# --- evaluate


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "my rün"
    emozoo(*train_words(folder, epochs=1))
    return folder


def rows(folder: Path) -> tuple[list[str], np.ndarray]:
    """Speakers and probabilities of a predictions.csv."""
    with open(folder / "predictions.csv", encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))[1:]
    return [row[1] for row in found], np.array([row[4:] for row in found], float)


def test_evaluate_adapts_each_clip_to_its_speaker(finished: Path, tmp_path: Path) -> None:
    words = ["evaluate", finished, "--adapt", "speaker", "--recordings", "2", "--output", tmp_path, "--json"]
    document = json.loads(emozoo(*words).stdout)
    note = "adapted to each speaker with 2 other recordings; unlabelled test recordings were used"
    assert document["adapted"] == {"to": "speaker", "recordings": 2, "note": note}
    speakers, plain = rows(finished)
    assert len(set(speakers)) == 2
    np.testing.assert_allclose(rows(tmp_path)[1], adapt_to_speakers(plain, speakers, 2), atol=1e-4)
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as file:
        right = sum(row["label"] == row["predicted"] for row in csv.DictReader(file))
    assert right == np.diagonal(document["confusion"]).sum()
    table = emozoo("evaluate", finished, "--adapt", "speaker").stdout
    assert "with all other recordings; unlabelled test recordings were used" in table


def test_evaluate_leaves_clips_of_unknown_speakers_as_they_are(finished: Path, tmp_path: Path) -> None:
    table = tmp_path / "my clips.csv"
    sounds = sorted(toy().rglob("sentences/**/*.wav"))[:8]
    lines = [f"{sound},{('happy', 'sad', 'angry', 'neutral')[n % 4]}" for n, sound in enumerate(sounds)]
    measured = partial(evaluate, finished, dataset="manifest", data_dir=str(table), device="cpu")
    table.write_text("\n".join(["file,label", *lines]), encoding="utf-8")
    with pytest.raises(EmozooError, match="does not tell who speaks in all 8 clips: leave --adapt speaker out"):
        measured(adapt="speaker")
    table.write_text("\n".join(["file,label,speaker", *(f"{x},{'anna' * (n < 5)}" for n, x in enumerate(lines))]))
    plain, adapted = measured(output=tmp_path / "plain"), measured(adapt="speaker", output=tmp_path / "adapted")
    assert plain.adapted is None and plain.to_dict()["adapted"] is None
    assert "3 of 8 clips stay as they are" in adapted.adapted.note and adapted.adapted.recordings is None
    (speakers, before), (_, after) = rows(tmp_path / "plain"), rows(tmp_path / "adapted")
    for speaker, one, other in zip(speakers, before, after, strict=True):
        assert np.array_equal(one, other) == (speaker == "")


def test_evaluate_refuses_what_it_cannot_adapt_to(finished: Path) -> None:
    for wrong in ({"adapt": "microphone"}, {"recordings": 3}, {"adapt": "speaker", "recordings": 0}):
        with pytest.raises(EmozooError, match="adapt"):
            evaluate(finished, **wrong)
    words = ["evaluate", finished, "--adapt"]
    for more in (["microphone"], ["speaker", "--recordings", "0"]):
        done = emozoo(*words, *more, check=2)
        assert done.stdout == "" and "Traceback" not in done.stderr
