"""Streams: whatever a stream is cut into, its windows and their answers are those of the same sound in a file."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import LABELS, cuts_of, small_model
from support.small import emozoo, one_error

import emozoo as package
from emozoo import EmozooError, Listener
from emozoo.cli.commands.listen import Format
from emozoo.inference.adaptation import SpeakerBias
from emozoo.inference.answers import WindowAnswer
from emozoo.inference.files import predict_file
from emozoo.inference.model import Window
from emozoo.inference.options import PredictOptions
from emozoo.listening import listener
from emozoo.listening.pcm import FORMATS, Layout, read_ahead, read_pcm
from emozoo.media import denoise
from emozoo.media.mixing import mean_of_channels
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.registry.loading import get_architecture
from emozoo.target import Outputs

RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)


class Recorder:
    """In the place of a model: keeps the windows that it is asked about."""

    labels, video, optional, on_cpu, preparation = LABELS, False, (), True, PLAIN
    synthetic, calibration = True, None
    window, target, outputs = DEFAULT_WINDOW, "emotion", Outputs(LABELS)

    def __init__(self, keeps: bool = True) -> None:
        self.heard: list[np.ndarray] = []
        self.keeps = keeps

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        if self.keeps:
            self.heard += [sound for sound, _ in windows]
        return np.full((len(windows), len(LABELS)), 1 / len(LABELS))


def noise(seconds: float, rate: int = 16_000, channels: int = 1, seed: int = 0) -> np.ndarray:
    """int16 [samples, channels]."""
    return np.random.default_rng(seed).normal(0, 3_000, (max(1, round(seconds * rate)), channels)).astype(np.int16)


def voice(seconds: float, rate: int = 16_000) -> np.ndarray:
    """float32 [samples] that sound like vowels in turn: harmonics of 110 Hz through moving formants."""
    rng, t = np.random.default_rng(0), np.arange(round(seconds * rate)) / rate
    pitch = 110 * (1 + 0.12 * np.sin(np.pi * t) + 0.01 * np.sin(2 * np.pi * 5.3 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    knots = np.arange(0, seconds + 0.15, 0.075)
    vowels = np.array([(700, 1200, 2600), (300, 2200, 3000), (450, 900, 2500), (350, 800, 2400), (550, 1800, 2500)])
    formants = [np.interp(t, knots, vowels[rng.integers(0, 5, len(knots)), n]) for n in range(3)]
    sound = np.zeros(len(t))
    for n in range(1, 36):
        for formant, level, width in zip(formants, (1, 0.6, 0.3), (70, 100, 140), strict=True):
            sound += level / (1 + ((n * pitch - formant) / width) ** 2) / n**0.5 * np.sin(n * phase)
    sound *= np.interp(t, knots, np.where(np.arange(len(knots)) % 2, 1, 0.15))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def cut(sound: np.ndarray, lengths: Sequence[int]) -> Iterator[np.ndarray]:
    """The sound in chunks of these lengths, and what is left."""
    first = 0
    for length in lengths:
        yield sound[first : first + length]
        first += length
    yield sound[first:]


LENGTHS = st.lists(st.one_of(st.sampled_from((0, 1)), st.integers(2, 5_000), st.integers(5_000, 400_000)), max_size=30)


# --- the class


@settings(max_examples=60, deadline=None)
@given(
    rate=st.one_of(st.sampled_from(RATES), st.integers(1_000, 100_000)),
    seconds=st.floats(0, 8),
    channels=st.integers(1, 3),
    floats=st.booleans(),
    lengths=LENGTHS,
)
def test_however_a_stream_is_cut_its_windows_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, rate: int, seconds: float, channels: int, floats: bool, lengths: list[int]
) -> None:
    sound = noise(seconds, rate, channels)
    path = tmp_path_factory.getbasetemp() / "whole.wav"
    soundfile.write(path, sound, rate)
    wanted = list(cuts_of(path, video=False))
    model = Recorder()
    chunks = cut((sound / 32_768).astype(np.float32) if floats else sound, lengths)
    answers = list(Listener(model, rate).hear(chunks))
    assert [(each.start, each.end) for each in answers] == [(each.start, each.end) for each in wanted]
    answered = [each for each in wanted if each.reason is None]
    for heard, each in zip(model.heard, answered, strict=True):
        np.testing.assert_allclose(heard, each.window[0], atol=2e-6)


def answered(line: str) -> WindowAnswer:
    """What a line of JSON says of a window."""
    return WindowAnswer(**{name: value for name, value in json.loads(line).items() if name != "schema"})


def same(ours: Sequence[WindowAnswer], theirs: Sequence[WindowAnswer] | None) -> None:
    assert theirs is not None and [(a.start, a.end) for a in ours] == [(b.start, b.end) for b in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert a.emotion == b.emotion and a.probabilities == pytest.approx(b.probabilities, abs=1e-5)


@settings(max_examples=8, deadline=None)
@given(rate=st.sampled_from(RATES), seconds=st.sampled_from((0.001, 1.3, 3.0, 5.0, 6.7)), lengths=LENGTHS)
def test_however_a_stream_is_cut_it_gets_the_answers_of_predict_timeline(
    tmp_path_factory: pytest.TempPathFactory, rate: int, seconds: float, lengths: list[int]
) -> None:
    model, sound = small_model(), noise(seconds, rate)
    path = tmp_path_factory.getbasetemp() / "whole.wav"
    soundfile.write(path, sound, rate)
    same(
        list(Listener(model, rate).hear(cut(sound[:, 0], lengths))),
        predict_file(model, path, PredictOptions(timeline=True)).windows,
    )


def test_a_speakers_bias_and_the_taking_out_of_noise_are_those_of_predict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (denoise, listener):
        monkeypatch.setattr(module, "BLOCK_SAMPLES", 20_000)
        monkeypatch.setattr(module, "CONTEXT_SAMPLES", 5_000)
    model, sound = small_model(), noise(7.5, 22_050)
    model.preparation = Preparation(denoise=True)
    soundfile.write(tmp_path / "whole.wav", sound, 22_050)
    bias = SpeakerBias(3, (0.5, -0.25, 0.0, -0.25))
    wanted = predict_file(model, tmp_path / "whole.wav", PredictOptions(timeline=True, bias=bias)).windows
    same(list(Listener(model, 22_050, PredictOptions(bias=bias)).hear(cut(sound, [7, 30_000, 1]))), wanted)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_window_is_answered_as_soon_as_its_sound_is_there(rate: int) -> None:
    listener, sound = Listener(Recorder(), rate), noise(3.2, rate)
    assert listener.feed(sound[: 3 * rate - 1]) == []
    answers = listener.feed(sound[3 * rate - 1 :])
    assert [(answer.start, answer.end) for answer in answers] == [(0, 3)]


def test_memory_does_not_grow_with_the_stream() -> None:
    def peak(seconds: int) -> int:
        listener, chunk = Listener(Recorder(keeps=False), 44_100), noise(0.5, 44_100)
        tracemalloc.start()
        for _ in range(2 * seconds):
            listener.feed(chunk)
            listener.feed(chunk[:0])
        listener.finish()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(80) < peak(10) + 100_000  # 70 seconds more are 4 MB at 16 kHz


def test_one_core_answers_and_the_callers_threads_are_left_alone() -> None:
    class Counter(Recorder):
        def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
            threads.append(torch.get_num_threads())
            return super().probabilities(windows)

    threads, before = list[int](), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for answer in Listener(Counter()).hear([noise(3), noise(20)]):
            assert answer and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


def test_a_chunk_may_be_used_again_once_it_was_fed() -> None:
    sound, model, buffer = (noise(4) / 32_768).astype(np.float32)[:, 0], Recorder(), np.empty(1_000, np.float32)
    listener = Listener(model)
    for first in range(0, len(sound), 1_000):
        buffer[:] = sound[first : first + 1_000]
        listener.feed(buffer)
    np.testing.assert_array_equal(model.heard[0], sound[:48_000])


def test_what_cannot_be_heard_is_one_error_and_costs_no_sound() -> None:
    listener = Listener(Recorder())
    for chunk, words in (
        (np.array([0.0, np.nan]), "NaN or infinite"),
        (np.array([0.0, 1e300]), "NaN or infinite"),
        (np.array([0x7FA00000], np.int32).view(np.float32), "NaN or infinite"),
        (np.array([1, 2]), "int64"),
        (np.zeros((2, 2, 2), np.int16), r"\[2, 2, 2\]"),
        (np.zeros((5, 0), np.int16), r"\[5, 0\]"),
        (np.array(["a"]), "str"),
    ):
        with pytest.raises(EmozooError, match=words):
            listener.feed(chunk)
    with pytest.raises(EmozooError, match="holds no sound"):
        listener.finish()
    listener.feed([0.5, 0.25])  # type: ignore[arg-type]
    assert [answer.end for answer in listener.finish()] == [2 / 16_000]
    for call in (listener.finish, lambda: listener.feed(np.zeros(1))):
        with pytest.raises(EmozooError, match="is over"):
            call()
    for rate in (0, -1, 999, 2_000_000):
        with pytest.raises(EmozooError, match=f"not {rate}"):
            Listener(Recorder(), rate)
    for odd in (16_000.5, "16000", None, float("inf"), True):
        with pytest.raises(EmozooError, match="a sampling rate is a whole number"):
            Listener(Recorder(), odd)  # type: ignore[arg-type]
    with pytest.raises(EmozooError, match="so transpose it"):
        Listener(Recorder()).feed(np.zeros((2, 16_000), np.float32))
    with pytest.raises(EmozooError, match="needs video"):
        Listener(small_model("cnn_rnn_3dcnn"))


# --- pauses


@pytest.mark.usefixtures("two_threads")
def test_windows_without_a_voice_have_a_reason_and_times_stay_those_of_the_stream() -> None:
    pytest.importorskip("silero_vad")
    torch.set_num_threads(2)  # its import leaves one
    hiss = np.random.default_rng(0).normal(0, 0.003, 16_000 * 6).astype(np.float32)
    sound = np.concatenate([voice(4), hiss, voice(4)])
    found = []
    for length in (16_000, 777):
        listener = Listener(Recorder(), options=PredictOptions(vad=True))
        answers = listener.hear(sound[first : first + length] for first in range(0, len(sound), length))
        found.append([(answer.start, answer.reason, answer.speech) for answer in answers])
    reasons = {start: reason for start, reason, _ in found[0]}
    assert [reasons[second] for second in (0, 1, 2, 3, 8, 9, 10, 11)] == [None] * 8
    assert reasons[5] == reasons[6] == "no speech"
    assert found[0] == found[1]
    silent = Listener(Recorder(), options=PredictOptions(vad=True))
    answers = list(silent.hear([np.zeros(100_000, np.int16), hiss]))
    assert [answer.reason for answer in answers[:4]] == ["silent"] * 4
    assert {answer.reason for answer in answers[6:]} == {"no speech"}
    assert all(answer.emotion is None and answer.probabilities is None for answer in answers)
    assert torch.get_num_threads() == 2


# --- bytes


def header(kind: int, width: int, channels: int, rate: int, size: int | None, *before: bytes, large: int = 0) -> bytes:
    """A WAV up to its samples of `width` bytes; `large`: RF64 with this size, `before`: further chunks."""
    tag = 0xFFFE if kind < 0 else kind
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * width, channels * width, 8 * width)
    if kind < 0:
        fmt += (
            struct.pack("<HHI", 22, 8 * width, 0)
            + struct.pack("<H", -kind)
            + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
        )
    chunks = [b"ds64" + struct.pack("<IQQQI", 28, 0, large, 0, 0)] if large else []
    chunks += [b"fmt " + struct.pack("<I", len(fmt)) + fmt, *before]
    written = 0xFFFFFFFF if size is None else size
    return (
        (b"RF64" if large else b"RIFF")
        + b"\xff\xff\xff\xffWAVE"
        + b"".join(chunks)
        + b"data"
        + struct.pack("<I", written)
    )


def extra(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def in_pieces(data: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    return (bytes(piece) for piece in cut(np.frombuffer(data, np.uint8), lengths) if len(piece))  # type: ignore[arg-type]


def decoded(pieces: Iterator[bytes], **words: Any) -> tuple[int, np.ndarray]:
    rate, chunks = read_pcm(pieces, **words)
    found = list(chunks)
    return rate, np.concatenate(found) if found else np.zeros((0, 1))


@settings(max_examples=60, deadline=None)
@given(
    container=st.sampled_from(("WAV", "WAVEX", "RF64")),
    subtype=st.sampled_from(("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    channels=st.integers(1, 6),
    samples=st.integers(1, 500),
    lengths=st.lists(st.integers(0, 400), max_size=20),
)
def test_a_wav_from_a_pipe_is_what_it_is_in_a_file(
    container: str, subtype: str, channels: int, samples: int, lengths: list[int]
) -> None:
    file, sound = io.BytesIO(), np.random.default_rng(samples).uniform(-1, 1, (samples, channels))
    soundfile.write(file, sound, 22_050, format=container, subtype=subtype)
    rate, found = decoded(in_pieces(file.getvalue(), lengths))
    file.seek(0)
    wanted, _ = soundfile.read(file, dtype="float32", always_2d=True)
    assert rate == 22_050 and found.shape == wanted.shape
    np.testing.assert_allclose(mean_of_channels(found), wanted.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF - 44])
def test_a_wav_of_unknown_length_goes_on_until_the_stream_ends(size: int) -> None:
    sound = noise(0.1, channels=2)
    rate, found = decoded(iter([header(1, 2, 2, 8_000, size) + sound.tobytes()]))
    assert rate == 8_000 and np.array_equal(found, sound)


def test_what_ffmpeg_writes_into_a_pipe_is_read() -> None:
    class Pipe:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += bytes(data)
            return len(data)

    sound, pipe = noise(0.2), Pipe()
    with av.open(pipe, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.T.copy(), format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode()])
    assert b"\xff\xff\xff\xff" in pipe.data[:100]
    rate, found = decoded(in_pieces(pipe.data, [3, 1, 50]))
    assert rate == 16_000 and np.array_equal(found, sound)


def test_a_wav_may_have_further_chunks_be_extensible_or_large() -> None:
    sound = noise(0.05)
    odd = (extra(b"LIST", b"INFOodd"), extra(b"JUNK", b"x" * 70_001), extra(b"note", b""))
    for head in (
        header(1, 2, 1, 44_100, sound.nbytes, *odd),
        header(-1, 2, 1, 44_100, sound.nbytes, *odd),
        header(1, 2, 1, 44_100, None, large=sound.nbytes),
    ):
        for lengths in ([], [1] * 200, [45, 70_000]):
            data = head + sound.tobytes() + extra(b"LIST", b"behind the samples")
            rate, found = decoded(in_pieces(data, lengths))
            assert rate == 44_100 and np.array_equal(found, sound)


def test_a_wav_that_is_cut_off_gives_what_is_there_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    for head in (header(1, 2, 1, 16_000, 32_000), header(1, 2, 1, 16_000, None, large=32_000)):
        caplog.clear()
        assert len(decoded(iter([head + bytes(16_000)]))[1]) == 8_000
        assert "cut off: the header promises 1.0 s, 0.5 s are there" in caplog.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"RIFF", "within its header"),
        (header(1, 2, 1, 16_000, 100)[:-3], "within its header"),
        (header(1, 2, 0, 16_000, 100), "0 channels|not 0"),
        (header(1, 2, 1, 0, 100), "not 0"),
        (header(1, 5, 1, 16_000, 100), "5 bytes"),
        (header(7, 1, 1, 8_000, 100), "compressed"),
        (b"RIFF\xff\xff\xff\xffWAVEdata\1\0\0\0x", "a description of its samples"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \2\0\0\0xxdata\1\0\0\0x", "too short"),
        (b"RIFF\xff\xff\xff\xffAVI LIST", "no WAV"),
        (b"fLaC" + bytes(50), "FLAC"),
        (b"\0\0\0\x20ftypisom", "MP4"),
    ],
)
def test_a_stream_that_is_damaged_or_something_else_is_one_error(data: bytes, words: str) -> None:
    with pytest.raises(EmozooError, match=words) as error:
        decoded(iter([data]))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_raw_samples_of_each_format_are_read_and_a_last_half_one_is_left_out(
    format: str, caplog: pytest.LogCaptureFixture
) -> None:
    width = Layout(format=format).frame
    values = np.array([[0.5, -0.25], [0.0, 0.125]])
    if format[0] == "f":
        data = values.astype(FORMATS[format]).tobytes()
    else:
        whole = (values * 2 ** (8 * width - 1)).astype(np.int64) + (128 if format == "u8" else 0)
        data = b"".join(int(value).to_bytes(width, "little", signed=format != "u8") for value in whole.ravel())
    pieces = in_pieces(data + b"\1", [1] * 9)
    rate, found = decoded(pieces, rate=8_000, channels=2, format=format)
    assert rate == 8_000 and mean_of_channels(found).tolist() == [0.125, 0.0625]
    assert "ends within a sample" in caplog.text


def test_the_command_line_offers_each_format() -> None:
    assert [each.value for each in Format] == list(FORMATS)


def test_a_pipe_is_read_before_anyone_asks_so_that_its_writer_need_not_wait() -> None:
    reading, writing = os.pipe()
    pieces, data = read_ahead(reading), bytes(range(256)) * 8_000  # 2 MB, more than a pipe holds

    def write() -> None:
        with open(writing, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(60)
    assert not writer.is_alive() and b"".join(pieces) == data
    os.close(reading)


# --- the command


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "with spaces and ümläuts"
    small_model().save(folder)
    return folder


def start(*words: object, stdin: Any = subprocess.PIPE, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "emozoo", "listen", *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def listen(data: bytes, *words: object, check: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(*words, **environment)
    out, err = (each.decode() for each in process.communicate(data, timeout=300))
    assert process.returncode == check, err
    return subprocess.CompletedProcess([], check, out, err)


def test_a_wav_gets_the_windows_of_predict_timeline_json(run: Path, tmp_path: Path) -> None:
    sound = noise(5.4, 44_100, 2)
    soundfile.write(tmp_path / "clip.wav", sound, 44_100)
    words = ["--model", run, "--speaker", tmp_path / "clip.wav"]
    document = json.loads(emozoo("predict", tmp_path / "clip.wav", *words, "--timeline", "--json").stdout)
    wanted = document["predictions"][0]["windows"]
    done = listen((tmp_path / "clip.wav").read_bytes(), *words, "--json", "--rate", "16000")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.pop("schema") for each in found] == [1] * 4
    assert [list(each) for each in found] == [list(each) for each in wanted] and len(found) == 4
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.pop("probabilities") == pytest.approx(theirs.pop("probabilities"), abs=1e-5) and ours == theirs
    assert done.stderr.splitlines() == ["warning: standard input is WAV, whose header decides: --rate 44100, not 16000"]


def test_each_line_is_there_as_soon_as_its_window_is_and_the_end_is_that_of_a_file(run: Path) -> None:
    sound = noise(4.5, 8_000)
    process = start("--model", run, "--rate", "8000")
    assert process.stdin and process.stdout
    process.stdin.write(sound[: 8_000 * 3 + 1_600].tobytes())
    process.stdin.flush()
    first = process.stdout.readline().decode()  # the pipe is open still
    assert first.split()[:3] == ["0.0", "to", "3.0"] and first.split()[3] in LABELS and first.endswith(" %\n")
    out, err = process.communicate(sound[8_000 * 3 + 1_600 :].tobytes(), timeout=120)
    spans = [line.split()[:3] for line in out.decode().splitlines()]
    assert spans == [["1.0", "to", "4.0"], ["1.5", "to", "4.5"]] and (process.returncode, err) == (0, b"")


def test_ctrl_c_is_status_130_and_a_reader_that_stops_is_quiet(run: Path, tmp_path: Path) -> None:
    process = start("--model", run)
    assert process.stdin and process.stdout
    process.stdin.write(noise(3).tobytes())
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)  # while it waits for more
    assert (process.wait(60), process.stderr and process.stderr.read()) == (130, b"stopped\n")
    process.communicate()
    (tmp_path / "raw").write_bytes(noise(30).tobytes())
    command = f'"{sys.executable}" -m emozoo listen --model "{run}" < raw | head -n 2'
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert len(done.stdout.splitlines()) == 2 and done.stderr == ""


def test_what_is_wrong_before_a_model_is_loaded_is_one_line_and_status_2(run: Path, tmp_path: Path) -> None:
    for words, sentence in (
        (["--rate", "0"], "not 0"),
        (["--channels", "0"], "not 0"),
        (["--speaker", str(tmp_path / "*.wav")], "no file matches"),
        (["--microphone", "--format", "s16le"], "leave it out"),
    ):
        assert sentence in one_error(listen(b"", *words, check=2))
    master, terminal = pty.openpty()
    process = start(stdin=terminal)
    _, err = process.communicate(timeout=60)
    os.close(master), os.close(terminal)
    assert process.returncode == 2 and len(err.splitlines()) == 1
    assert b"is a terminal" in err and b"| emozoo listen" in err and b"--microphone" in err
    closed = subprocess.run(
        f'"{sys.executable}" -m emozoo listen <&-', shell=True, capture_output=True, text=True, timeout=60
    )
    assert "is closed" in one_error(closed)


def test_what_is_wrong_with_a_stream_is_one_line_and_status_2(run: Path) -> None:
    for data, words, sentence in (
        (b"", [], "holds no sound"),
        (b"RIFF\xff", [], "within its header"),
        (np.array([0, np.nan], np.float32).tobytes(), ["--format", "f32le"], "NaN or infinite"),
    ):
        done = listen(data, "--model", run, *words, check=2)
        assert sentence in one_error(done) and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_a_model_that_needs_pictures_says_so_and_one_that_can_do_without_answers(tmp_path: Path) -> None:
    for name in ("cnn_rnn_3dcnn", "av_fusion"):
        architecture = get_architecture(name)
        package.EmotionModel(architecture, architecture.config(), LABELS).save(tmp_path / name)
    assert "needs video" in one_error(listen(b"", "--model", tmp_path / "cnn_rnn_3dcnn", check=2))
    done = listen(noise(1).tobytes(), "--model", tmp_path / "av_fusion")
    assert done.stdout.split()[:3] == ["0.0", "to", "1.0"]
    assert done.stderr == "sound only, because there is no video\n"


# --- the microphone, of which there is none where tests run


FAKE = """
import numpy as np, threading, types
class PortAudioError(Exception): pass
class CallbackStop(Exception): pass
def query_devices(kind):
    if {missing}: raise PortAudioError("Error querying device -1")
    return {{"default_samplerate": 44100.0}}
def check_input_settings(samplerate, channels, dtype): assert (channels, dtype) == (1, "int16")
class InputStream:
    def __init__(self, **given): self.given = given
    def __enter__(self): threading.Thread(target=self.run).start()
    def __exit__(self, *_): pass
    def run(self):
        sound = np.random.default_rng(0).normal(0, 3000, (round(4.2 * self.given["samplerate"]), 1)).astype(np.int16)
        for first in range(0, len(sound), self.given["blocksize"]):
            block = sound[first : first + self.given["blocksize"]].copy()
            self.given["callback"](block, len(block), None, types.SimpleNamespace(input_overflow=False))
            block[:] = 0
        self.given["finished_callback"]()
"""


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("raise ImportError('No module named sounddevice')", "pip install 'emozoo[microphone]'"),
        ("raise OSError('PortAudio library not found')", "libportaudio2"),
        (FAKE.format(missing=True), "no microphone can be used"),
    ],
)
def test_a_microphone_that_is_not_there_is_one_line(module: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(module)
    done = listen(b"", "--microphone", check=2, PYTHONPATH=str(tmp_path))
    assert sentence in one_error(done) and len(done.stderr.splitlines()) == 1


def test_a_microphone_is_heard_at_its_own_rate_until_it_goes(run: Path, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(FAKE.format(missing=False))
    done = listen(b"", "--microphone", "--json", "--model", run, check=2, PYTHONPATH=str(tmp_path))
    soundfile.write(tmp_path / "clip.wav", noise(4.2, 44_100), 44_100)
    wanted = predict_file(package.load(run, "cpu"), tmp_path / "clip.wav", PredictOptions(timeline=True)).windows
    assert wanted is not None
    *lines, last = done.stdout.splitlines()
    assert list(json.loads(last)) == ["schema", "error"]
    found = [answered(line) for line in lines]
    same(found, wanted[: len(found)])
    assert len(found) == 2 and "was disconnected" in one_error(done) and "listening" in done.stderr


def test_a_model_of_long_windows_answers_about_now() -> None:
    model = Recorder()
    model.window = WindowShape(30.0, 10.0)
    heard = Listener(model, options=PredictOptions(vad=False)).hear([noise(8)])
    assert [(answer.start, answer.end) for answer in heard] == [(start, start + 5) for start in (0, 1, 2, 3)]
    model.window = WindowShape(10.0)
    with pytest.raises(EmozooError, match="hop"):
        Listener(model, options=PredictOptions(hop=11, vad=False))
