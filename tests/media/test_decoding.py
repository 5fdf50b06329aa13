"""FFmpeg and decord run in processes that may die: a file may cost itself, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from support.make_media import grey, tone, write_sound, write_video
from support.models import small_model

from emozoo.data import decode_task, decoding, load_dataset
from emozoo.data.decode_task import SOUND, ClipSource, _sound
from emozoo.data.decoding import Work, _in_threads
from emozoo.errors import EmozooError
from emozoo.inference.files import predict_files
from emozoo.media import decoder, reading, sound
from emozoo.media.decoder import Decoder, _Ended, _Process
from emozoo.media.decoders import video as decoders_video
from emozoo.media.decoders.probe import probe_container
from emozoo.media.decoders.soundtrack import container_sound
from emozoo.media.reading import read_audio, silence_beside
from emozoo.media.window_shape import DEFAULT_WINDOW

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc")


def video_of(path: Path, seconds: float) -> Path:
    """A video with pictures and a tone of so many seconds."""
    pictures = {"pictures": lambda number: grey(64, 48, number % 200), "count": round(25 * seconds)}
    return write_video(path, **pictures, sound=tone(seconds, 16_000))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return video_of(tmp_path / "video ö.mkv", 4.0)


def pid_of(used: Decoder) -> int:
    assert used._process is not None
    return used._process._popen.pid


def decoders(of: int | None = None) -> list[psutil.Process]:
    found = psutil.Process(of).children(recursive=True)
    return [process for process in found if "emozoo.media.decoders.process" in " ".join(process.cmdline())]


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_a_process_gives_the_sound_and_the_pictures_that_decoding_here_gives(video: Path) -> None:
    own = list(container_sound(video, 0.5, 2.0))
    with Decoder() as used:
        theirs = list(used.sound(video, 0.5, 2.0))
        assert used.probe(video) == probe_container(video)
        frames = used.video(video).frames(0.3, 40_000)
    assert [rate for rate, _ in theirs] == [rate for rate, _ in own]
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(theirs, own, strict=True))
    assert np.array_equal(frames, decoders_video.Video(video).frames(0.3, 40_000))


def test_frames_are_asked_for_in_parts_and_come_as_one(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decoder.Video(video).frames(0.2, 60_000)
    monkeypatch.setattr(decoder, "FRAMES_AT_ONCE", 7)
    assert np.array_equal(decoder.Video(video).frames(0.2, 60_000), whole) and len(whole) == 25


def test_a_process_that_crashes_costs_its_file_and_is_replaced(video: Path) -> None:
    with Decoder() as used:
        pieces = used.sound(video, None, None)
        next(pieces)
        os.kill(pid_of(used), signal.SIGSEGV)
        with pytest.raises(EmozooError, match=r"video ö.mkv ends the process that decodes it \(signal 11\)"):
            list(pieces)
    assert len(read_audio(video)) == 64_000


def test_a_process_that_hangs_is_ended_in_time(video: Path) -> None:
    with Decoder(timeout=0.3) as used:
        pieces = used.sound(video, None, None)
        next(pieces)
        os.kill(pid_of(used), signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(EmozooError, match=r"video ö.mkv takes 0.3 s longer to decode than it lasts.*--timeout"):
            list(pieces)
        assert time.monotonic() - begun < 15
    assert len(read_audio(video)) == 64_000


def test_a_process_may_take_two_gigabytes_and_leaves_no_core(video: Path) -> None:
    with Decoder() as used:
        used.probe(video)
        limits = Path(f"/proc/{pid_of(used)}/limits").read_text()
    assert f"Max data size             {2**31}" in limits
    assert "Max core file size        0" in limits


def test_what_a_process_answers_is_not_believed(video: Path) -> None:
    with Decoder() as used:
        used.probe(video)
        claims = b'{"value": 1, "error": null, "warnings": [], "arrays": [["float32", [1000000000000]]]}\n'
        for answer in (claims, b"no json\n", b'{"arrays": 3}\n', b'{"value": 1}\n', b"\x80\x04K\x01.\n"):
            process = _Process()
            process._stdout = _Pipe(answer)  # type: ignore[assignment]
            with pytest.raises(_Ended):
                process.ask({"do": "probe", "path": str(video)}, 20)
            assert not process.alive


class _Pipe:
    """Reads as a process' answer."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def readline(self, _: int) -> bytes:
        return self._answer

    def close(self) -> None:
        pass


def test_others_are_answered_while_one_file_ends_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(video_of(tmp_path / f"{number}.mp4", 1.5)) for number in range(4)]
    files.insert(2, str(write_sound(tmp_path / "sound.wav", tone(1.0, 16_000), 16_000)))
    asked = _Process.ask

    def ask(process: _Process, message: dict[str, object], seconds: float) -> object:
        if str(message.get("path")) == files[1]:
            os.kill(process._popen.pid, signal.SIGABRT)
        return asked(process, message, seconds)

    monkeypatch.setattr(_Process, "ask", ask)
    answers = list(predict_files(small_model(), files))
    assert [answer.file for answer in answers] == files
    assert [answer.error is None for answer in answers] == [True, False, True, True, True]
    assert files[1] in str(answers[1].error) and "signal 6" in str(answers[1].error)


def test_decoders_end_with_a_parent_that_is_killed(video: Path) -> None:
    script = f"""
        from emozoo.media.decoder import Decoder
        used = Decoder()
        used.probe({str(video)!r})
        print("ready", flush=True)
        input()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None and parent.stdout.readline() == "ready\n"
    (child,) = decoders(parent.pid)
    child.suspend()  # as one that hangs
    parent.kill()
    parent.wait()
    child.resume()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_forked_process_has_decoders_of_its_own(video: Path) -> None:
    wanted = read_audio(video)  # leaves an idle decoder
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(read_audio(video), wanted) else 1)
    assert np.array_equal(read_audio(video), wanted)
    assert os.waitpid(child, 0)[1] == 0


def test_many_threads_decode_as_one_does(tmp_path: Path) -> None:
    files = [video_of(tmp_path / f"{number}.mp4", 0.5 + 0.2 * number) for number in range(6)]
    wanted = [read_audio(path) for path in files]
    found: dict[int, list[np.ndarray]] = {}

    def work(thread: int) -> None:
        found[thread] = [read_audio(path) for path in files]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sounds in found.values():
        assert all(np.array_equal(one, other) for one, other in zip(sounds, wanted, strict=True))
    assert len(found) == 4


def test_nothing_is_imported_from_the_folder_that_one_stands_in(video: Path, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit(3)")
    script = f"from emozoo.media import read_audio; print(len(read_audio({str(video)!r})))"
    environment = os.environ | {"PYTHONPATH": str(Path(reading.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "64000\n", done.stderr


MANIFEST = "file,label\na.wav,angry\nb.wav,sad\nc.mp4,sad\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_sound(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)
    write_sound(tmp_path / "b.wav", tone(1.5, 16_000), 16_000)
    video_of(tmp_path / "c.mp4", 2.0)
    (tmp_path / "t.csv").write_text(MANIFEST)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_script_without_a_guard_loads_a_dataset(table: Path, method: str) -> None:
    script = table.parent / "script.py"
    script.write_text(
        f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
        f"from emozoo.data.loading import load_dataset\nprint(len(load_dataset('manifest', data_dir={str(table)!r})))\n"
    )
    environment = os.environ | {"EMOZOO_CACHE": str(table.parent / "cache")}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "3\n", done.stderr


def test_a_dataset_of_which_one_clip_ends_its_process_has_the_others(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = _Process.ask

    def ask(process: _Process, message: dict[str, object], seconds: float) -> object:
        os.kill(process._popen.pid, signal.SIGKILL)
        return asked(process, message, seconds)

    monkeypatch.setattr(_Process, "ask", ask)
    rows = load_dataset("manifest", data_dir=table, cache_dir=tmp_path / "cache")
    assert len(rows) == 2
    assert "c.mp4 ends the process that decodes it (signal 9)" in caplog.text


def test_a_clip_that_was_gone_while_it_was_decoded_is_not_remembered_as_broken(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, elsewhere = table.parent / "b.wav", table.parent / "elsewhere"
    real = _sound

    def sound(source: ClipSource, used: Decoder) -> np.ndarray:
        with suppress(FileNotFoundError):  # clips are decoded side by side
            gone.rename(elsewhere)
        return real(source, used)

    monkeypatch.setattr(decode_task, "_sound", sound)
    assert len(load_dataset("manifest", data_dir=table, cache_dir=tmp_path / "cache")) == 2
    monkeypatch.undo()
    elsewhere.rename(gone)  # with its old time, as when a network drive is back
    assert len(load_dataset("manifest", data_dir=table, cache_dir=tmp_path / "cache")) == 3


def test_decoding_ends_at_once_when_nobody_waits_for_it(table: Path, tmp_path: Path) -> None:
    rows = load_dataset("manifest", data_dir=table, cache_dir=tmp_path / "cache")
    source = ClipSource(str(table.parent / "c.mp4"), None, None, "", 0.0, "", 2.0)
    schema = decoding.datasets.Features(SOUND).arrow_schema
    tasks = [range(number, number + 1) for number in range(50)]
    results = _in_threads(Work([source] * 50, schema, tmp_path, DEFAULT_WINDOW.grid), tasks)
    next(results)
    results.close()
    assert not any(thread.name.startswith("emozoo-decode") for thread in threading.enumerate())
    assert len(list(tmp_path.glob("*.arrow"))) < 50 and len(rows) == 3


def test_a_clip_that_is_too_long_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "LONGEST_SECONDS", 3600.0)
    quiet = tmp_path / "long.wav"
    quiet.write_bytes(b"")
    with soundfile.SoundFile(quiet, "w", 1000, 1) as file:
        for _ in range(2 * 3600):
            file.write(np.zeros(1000, np.int16))
    with pytest.raises(EmozooError, match=r"long.wav is longer than 1 hours: cut it"):
        read_audio(quiet)
    assert len(read_audio(quiet, 10.0, 11.0)) == 16_000
    mute = write_video(tmp_path / "mute.mp4", lambda number: grey(32, 32, number), count=50)
    monkeypatch.setattr(reading, "LONGEST_SECONDS", 1.0)
    with pytest.raises(EmozooError, match="mute.mp4 is longer"):
        silence_beside(mute)
