"""Answers for segments and speakers: each as if it were a clip of its own, whatever the file and the order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.make_media import grey, write_sound, write_video
from support.models import LABELS, small_model

from emozoo.errors import EmozooError
from emozoo.inference.adaptation import SpeakerBias, adapt_to_speakers, biases_from_others
from emozoo.inference.answers import Prediction
from emozoo.inference.files import predict_file, predict_files
from emozoo.inference.options import PredictOptions
from emozoo.inference.segment_reader import _Sweep
from emozoo.inference.segment_sources import GivenSegments, WrittenSegments, segment_source
from emozoo.inference.segments import Segment, as_segments, open_segments
from emozoo.media.reading import read_audio
from emozoo.media.window import window_starts
from emozoo.media.window_shape import DEFAULT_WINDOW

RATE = 16_000
LENGTH = 20.0
SPANS = [(7.25, 12.0, "b"), (0.0, 2.5, "a"), (1.0, 9.0, "a"), (19.0, 20.0, ""), (3.0, 3.1, "b"), (12.5, 18.123, "c")]


def noise(seconds: float = LENGTH, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Noise whose colour and strength change, so that no two stretches have one answer."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.1, round(seconds * rate))
    sound = sound * np.linspace(0.2, 1, len(sound)) + 0.3 * np.sin(np.cumsum(np.linspace(0.01, 0.5, len(sound))))
    return (0.5 * sound).clip(-0.99, 0.99).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    """One that tells stretches apart, though it was not trained."""
    found = small_model()
    last = [module for module in found.network.modules() if hasattr(module, "out_features")][-1]
    last.weight.data *= 30
    return found


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("calls") / "call.wav", noise(), RATE, "FLOAT")


def options(segments: Any, **more: Any) -> PredictOptions:
    return PredictOptions(segments=GivenSegments(tuple(as_segments(segments))), **more)


def answered(model: Any, clip: Any, segments: Any, **more: Any) -> Prediction:
    return predict_file(model, clip, options(segments, **more))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)).map(sorted), max_size=12),
    st.integers(500, 20_000),
    st.sampled_from([400, 1000, 3000]),
)
def test_the_windows_of_segments_are_those_of_clips_by_their_starts(spans: Any, block: int, hop: int) -> None:
    """In milliseconds; 16 samples each. Segments may overlap, be equal, empty, or reach 0.1 s beyond the end."""
    whole = np.arange(1, 16 * 30_000 + 1, dtype=np.float32)
    shape = DEFAULT_WINDOW.every(hop / 1000)
    found = _Sweep([Segment(start / 1000, end / 1000) for start, end in spans], shape)
    given_ = [
        window
        for piece in np.array_split(whole, len(whole) // block)
        if not found.is_done
        for window in found.push(piece)
    ]
    given_ += found.finish("clip")
    assert [start for _, start, _ in given_] == sorted(start for _, start, _ in given_)
    for number, (start, end) in enumerate(spans):
        own = [(first, sound) for place, first, sound in given_ if place == number]
        wanted = [16 * start + first for first in window_starts(16 * (end - start), shape)] if end > start else []
        assert [first for first, _ in own] == wanted
        for first, sound in own:
            np.testing.assert_array_equal(sound, whole[first : min(first + 48_000, 16 * end)])


def test_no_more_is_read_than_the_last_segment_needs(model: Any, call: Path) -> None:
    read: list[int] = []
    sweep = _Sweep([Segment(0.0, 1.0)], DEFAULT_WINDOW)
    for block in np.array_split(noise(), 20):
        if sweep.is_done:
            break
        read.append(len(block))
        list(sweep.push(block))
    assert len(read) == 1


def test_a_segment_has_the_answer_of_a_clip_of_its_own(model: Any, call: Path) -> None:
    sound = noise()
    answer = answered(model, call, SPANS)
    assert answer.segments is not None and answer.error is None
    for (start, end, speaker), found in zip(SPANS, answer.segments, strict=True):
        alone = model.predict((sound[round(start * RATE) : round(end * RATE)], RATE))
        assert (found.start, found.end, found.speaker) == (start, end, speaker)
        assert found.emotion == alone.emotion and found.probabilities == pytest.approx(alone.probabilities, abs=1e-5)
    assert len({found.emotion for found in answer.segments}) > 1, "the model tells them apart"


@pytest.mark.parametrize("name", ["stereo.wav", "call.flac", "call.mp3", "call.ogg", "call.mp4"])
def test_so_it_is_in_every_kind_of_file(name: str, model: Any, tmp_path: Path) -> None:
    """Up to what resampling makes of the edges."""
    path, rate = tmp_path / name, 44_100
    sound = np.repeat(noise(rate=rate)[:, None], 2, axis=1)
    if path.suffix == ".mp4":
        write_video(path, [grey(64, 48, 90)] * 25, sound=sound, rate=rate)
    else:
        write_sound(path, sound, rate)
    whole = read_audio(path)
    spans = [(10.0, 14.0), (1.5, 4.0), (1.0, 9.0), (19.2, len(whole) / RATE + 0.05)]
    answer = answered(model, path, spans)
    for (start, end), found in zip(spans, answer.segments or (), strict=True):
        alone = model.predict((whole[round(start * RATE) : round(end * RATE)], RATE))
        assert found.probabilities == pytest.approx(alone.probabilities, abs=1e-4)


def test_a_model_that_takes_video_gets_the_frames_beside_each_segment(tmp_path: Path) -> None:
    found = small_model("cnn_rnn_3dcnn")
    shades = [grey(100, 60, 20 + 10 * (number // 25)) for number in range(25 * 8)]
    path = write_video(tmp_path / "film.mkv", shades, sound=noise(8)[:, None], rate=RATE)
    seen: dict[tuple[float, float], list[int]] = {}
    predict_file(
        found,
        path,
        options([(5, 7), (0, 4)]),
        seen=lambda cut: seen.update({(cut.start, cut.end): cut.window[1][:, 30, 50, 0].tolist()}),
    )
    assert list(seen) == [(0, 3), (1, 4), (5, 7)]
    alone: dict[tuple[float, float], list[int]] = {}
    predict_file(
        found, path, seen=lambda cut: alone.update({(cut.start, cut.end): cut.window[1][:, 30, 50, 0].tolist()})
    )
    assert seen[0, 3] == alone[0, 3] and seen[1, 4] == alone[1, 4]
    assert seen[5, 7][:13] == alone[5, 8][:13]


def test_thousands_of_segments_are_answered_in_one_pass(model: Any, call: Path) -> None:
    starts = np.random.default_rng(1).uniform(0, LENGTH - 0.5, 2000)
    answer = answered(model, call, [(start, start + 0.3, f"s{number % 7}") for number, start in enumerate(starts)])
    assert len(answer.segments or ()) == 2000 and len(answer.speakers or ()) == 7
    assert all(each.emotion in LABELS for each in answer.segments or ())


def test_the_speakers_are_the_means_of_their_segments_by_length(model: Any, call: Path) -> None:
    answer = answered(model, call, [*SPANS, (13.0, 13.0, "c")])
    assert [each.speaker for each in answer.speakers or ()] == ["a", "b", "c", ""], "by when they first speak"
    for each in answer.speakers or ():
        own = [segment for segment in answer.segments or () if segment.speaker == each.speaker]
        heard = [segment for segment in own if segment.probabilities]
        assert (each.segments, each.answered) == (len(own), len(heard))
        assert each.seconds == pytest.approx(sum(segment.end - segment.start for segment in own))
        weights = np.array([segment.seconds for segment in heard])
        rows = np.array([list(segment.probabilities.values()) for segment in heard])
        np.testing.assert_allclose(list(each.probabilities.values()), weights @ rows / weights.sum())
        assert each.emotion == max(each.probabilities, key=each.probabilities.get)
    weights = np.array([each.seconds for each in answer.speakers or ()])
    rows = np.array([list(each.probabilities.values()) for each in answer.speakers or ()])
    np.testing.assert_allclose(list(answer.probabilities.values()), weights @ rows / weights.sum())


def test_what_has_no_voice_says_why(model: Any, tmp_path: Path) -> None:
    sound = noise(6)
    sound[2 * RATE : 4 * RATE] = 0
    path = write_sound(tmp_path / "gap.wav", sound, RATE)
    spans = [(0, 2, "a"), (2, 4, "a"), (1, 1.05, "a"), (5, 5, "a"), (2.5, 3.5, "b"), (3, 5, "c")]
    answer = answered(model, path, spans)
    assert [each.reason for each in answer.segments or ()] == [None, "silent", "too short", "too short", "silent", None]
    a, b, c = answer.speakers or ()
    assert (a.segments, a.answered, a.reason) == (4, 1, None) and c.answered == 1
    assert (b.segments, b.answered, b.emotion, b.probabilities, b.reason) == (1, 0, None, None, "silent")
    assert "probabilities" not in b.to_dict() and b.to_dict()["emotion"] is None
    none = answered(model, path, [(2, 4, "a"), (5, 5.01, "b")])
    assert (
        none.emotion is None and none.reason == "too short" and "in none of them a voice to answer" in str(none.error)
    )
    assert len(none.segments or ()) == 2, "their reasons are given"


def test_speech_is_searched_for_in_segments(model: Any, tmp_path: Path) -> None:
    pytest.importorskip("silero_vad")
    path = write_sound(tmp_path / "noise.wav", noise(8), RATE)
    answer = answered(model, path, [(4, 7), (0, 5), (1, 2)], vad=True)
    assert [(each.reason, each.speech) for each in answer.segments or ()] == [("no speech", 0.0)] * 3
    assert answer.reason == "no speech"


def test_unsure_segments_count_with_their_probabilities(model: Any, call: Path) -> None:
    answer = answered(model, call, SPANS, min_confidence=1.0)
    assert {each.reason for each in answer.segments or ()} == {"unsure"} == {answer.reason}
    assert all(each.answered == each.segments and each.reason == "unsure" for each in answer.speakers or ())
    assert answer.error is None


# --- adaptation


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(["a", "b", ""]), max_size=12))
def test_biases_from_others_are_what_a_test_set_is_adapted_with(seed: int, speakers: list[str]) -> None:
    probabilities = np.random.default_rng(seed).dirichlet([0.3] * 4, len(speakers))
    adapted = adapt_to_speakers(probabilities, speakers)
    for row, bias in enumerate(biases_from_others(probabilities, speakers)):
        own = probabilities[row] if bias is None else bias.apply(probabilities[row])
        np.testing.assert_allclose(own, adapted[row], atol=1e-12)
        assert (bias is None) == (speakers[row] == "")
        others = [other for other, name in enumerate(speakers) if name == speakers[row] and other != row]
        assert bias is None or bias.recordings == len(others)


def test_segments_are_adapted_with_the_others_of_their_speaker(model: Any, call: Path) -> None:
    spans = [*SPANS, (5.0, 5.0, "a"), (14.0, 17.0, "a")]
    plain = [each for each in answered(model, call, spans).segments or () if each.probabilities]
    answer = answered(model, call, spans, adapt_speakers=True)
    found = [each for each in answer.segments or () if each.probabilities]
    rows = np.array([list(each.probabilities.values()) for each in plain])
    wanted = adapt_to_speakers(rows, [each.speaker for each in plain])
    np.testing.assert_allclose([list(each.probabilities.values()) for each in found], wanted, atol=1e-9)
    assert [each.adapted_with for each in found] == [1, 2, 2, None, 1, 0, 2]
    assert found[0].to_dict()["adapted_with"] == 1 and "adapted_with" not in found[3].to_dict()


def test_to_adapt_takes_segments() -> None:
    with pytest.raises(EmozooError, match="to adapt to speakers takes segments that name them: give --segments FILE"):
        PredictOptions(adapt_speakers=True)
    with pytest.raises(EmozooError, match="a timeline is of the whole file: leave it out, or the segments"):
        options([(0, 1)], timeline=True)


# --- files of segments


def test_a_segment_beyond_the_end_is_told_with_its_line(model: Any, call: Path, tmp_path: Path) -> None:
    table = tmp_path / "turns.csv"
    table.write_text("start,end,speaker\n0,1,a\n19,20.09,a\n20.05,20.09,b\n")
    answer = predict_file(model, call, PredictOptions(segments=segment_source(table, False, 1)))
    assert [each.reason for each in answer.segments or ()] == [None, None, "too short"], (
        "a tenth of a second is forgiven"
    )
    for end in ("20.2", "2000", "1e6"):
        table.write_text(f"start,end,speaker\n0,1,a\n19,{end},a\n3,20.15,b\n")
        with pytest.raises(EmozooError, match=r"turns.csv, line 3: 19 to .* is not within .*, which ends at 20.00 s"):
            predict_file(model, call, PredictOptions(segments=segment_source(table, False, 1)))


def test_each_file_has_the_segments_of_its_name(model: Any, tmp_path: Path) -> None:
    names = [
        str(write_sound(tmp_path / f"{name}.wav", noise(6, seed=number), RATE)) for number, name in enumerate("abc")
    ]
    rttm = tmp_path / "all.rttm"
    rttm.write_text(
        "SPEAKER a 1 0 2 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 1 2 <NA> <NA> y <NA> <NA>\n"
        "SPEAKER a 1 3 2 <NA> <NA> y <NA> <NA>\nSPEAKER d 1 0 900 <NA> <NA> y <NA> <NA>\n"
    )
    together = PredictOptions(segments=WrittenSegments(open_segments(rttm), alone=False))
    found = list(predict_files(model, [*names, str(tmp_path / "none.wav")], together))
    assert [len(each.segments or ()) for each in found] == [2, 1, 0, 0]
    assert "all.rttm has segments of a, b, d, but none of" in str(found[2].error)
    for name, each in zip(names[:2], found, strict=False):
        alone = predict_file(model, name, together)
        for ours, theirs in zip(each.segments or (), alone.segments or (), strict=True):
            assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-6)


# --- Python


def test_in_python(model: Any, call: Path, tmp_path: Path) -> None:
    answer = model.predict(call, segments=[(0, 4, "anna"), (4, 9, "bob", "well")], adapt_speakers=True)
    assert [each.speaker for each in answer.speakers] == ["anna", "bob"]
    assert answer.to_dict()["segments"][1]["text"] == "well"
    plain = model.predict((noise()[: 4 * RATE], RATE)).probabilities
    soundfile.write(tmp_path / "copy.wav", noise(), RATE, "FLOAT")
    (tmp_path / "turns.srt").write_text("1\n00:00:00,000 --> 00:00:04,000\n[anna]: Hi\n")
    for given_ in (tmp_path / "turns.srt", str(tmp_path / "turns.srt"), [Segment(0, 4, "anna", "Hi")]):
        for clip in (call, (noise(), RATE), (tmp_path / "copy.wav").read_bytes()):
            (segment,) = model.predict(clip, segments=given_).segments
            assert segment.probabilities == pytest.approx(plain, abs=1e-5)
            assert (segment.speaker, segment.text) == ("anna", "Hi")
    assert model.predict(call).segments is None


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"segments": 5}, "segments are a path, or a list of"),
        ({"segments": [(2, 1)]}, r"segment 1: the end \(1 s\) is before"),
        ({"segments": [(0, 30)]}, r"segment 1: 0 to 30 s is not within .*call.wav, which ends at 20.00 s"),
        ({"segments": "none.rttm"}, "the segments none.rttm cannot be read"),
        ({"segments": [(0, 1)], "diarize": True}, "segments are given, or found by a diarizer, not both"),
        ({"diarize": True}, "no diarizer is installed: pip install emozoo-sherpa"),
        ({"adapt_speakers": True}, "to adapt to speakers takes segments"),
    ],
)
def test_what_is_wrong_in_python_is_one_sentence(asked: dict[str, Any], sentence: str, model: Any, call: Path) -> None:
    with pytest.raises(EmozooError, match=sentence):
        model.predict(call, **asked)


def test_a_list_of_clips_takes_a_file_of_segments(model: Any, call: Path) -> None:
    with pytest.raises(EmozooError, match="a list of segments is of one clip, not of 2"):
        model.predict([call, call], segments=[(0, 1)])
    (one,) = model.predict([call], segments=[(0, 1)])
    assert len(one.segments) == 1


def test_one_speaker_of_other_recordings_is_subtracted_from_all(model: Any, call: Path) -> None:
    bias = SpeakerBias(3, (0.5, -0.5, 0.25, -0.25))
    plain, adapted = answered(model, call, SPANS), answered(model, call, SPANS, bias=bias)
    for before, after in zip(plain.segments or (), adapted.segments or (), strict=True):
        wanted = bias.apply(np.array(list(before.probabilities.values())))
        np.testing.assert_allclose(list(after.probabilities.values()), wanted)


def test_json_of_a_prediction(model: Any, call: Path) -> None:
    document = answered(model, call, [(0, 1.5, "a"), (2, 2, "")]).to_dict()
    assert json.loads(json.dumps(document)) == document
    first, second = document["segments"]
    assert list(first) == ["start", "end", "speaker", "emotion", "probabilities"]
    assert second == {"start": 2.0, "end": 2.0, "speaker": None, "emotion": None, "reason": "too short"}
    assert [each["speaker"] for each in document["speakers"]] == ["a", None]
    assert list(document["speakers"][0]) == ["speaker", "segments", "answered", "seconds", "emotion", "probabilities"]
