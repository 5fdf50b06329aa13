"""The demo page, in a real browser: what it shows is what `emozoo predict` answers, whatever it is given."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from support.browser import Server, browsing, needs_browser, needs_gradio, open_page, serving
from support.make_media import tone, write_sound
from support.models import small_model
from support.small import emozoo, one_error
from support.voices import FACE, PLAIN, QUICK, write_voice

from emozoo.demo.answer import Limits, answer
from emozoo.media.preparation import Preparation
from emozoo.media.reading import duration


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Any) -> Iterator[Any]:
    """A browser's window, which asks no other machine than this one for anything."""
    context = chromium.new_context(accept_downloads=True)
    asked: set[str | None] = set()
    context.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    yield context
    context.close()
    assert asked <= {"127.0.0.1", None}, asked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that sees, cropped to the face, and clips with awkward names."""
    place = tmp_path_factory.mktemp("demo")
    model = small_model("cnn_rnn_3dcnn")
    model.preparation = Preparation(crop="face")
    model.save(place / "seeing model")
    write_voice(place / "clip.wav", PLAIN)
    write_voice(place / "Übung ${7*7} {{x}}'s.wav", QUICK)
    write_sound(place / "silent.wav", np.zeros((16_000, 1), np.float32), 16_000)
    write_sound(place / "long.wav", tone(61, 8_000), 8_000)
    write_sound(place / "large.wav", tone(30, 48_000, 2), 48_000)
    (place / "broken.wav").write_bytes(b"RIFF" + bytes(range(200)))
    (place / "page.html").write_text("<script>alert(1)</script>")
    return place


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page with the model in the box."""
    words = ["demo", "--port", "0", "--max-size", "4", "--max-length", "60"]
    with serving(tmp_path_factory.mktemp("server"), "-m", "emozoo", *words) as served:
        yield served


@pytest.fixture(scope="module")
def pair(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page with two models."""
    words = ["demo", "--port", "0", "--model", "speech", "--model", str(folder / "seeing model")]
    with serving(tmp_path_factory.mktemp("pair"), "-m", "emozoo", *words) as served:
        yield served


def give(page: Any, file: Path) -> None:
    page.set_input_files("input[type=file]", str(file))


def shown(page: Any, name: str, number: int = 0) -> dict[str, float]:
    """The probabilities that the page shows for a clip, once they are there, by the model of that number."""
    answer = page.locator(".emz-answer").filter(has_text=name).nth(number)
    answer.wait_for()
    labels = answer.locator(".emz-bars > li:not(.emz-lacking) > span:first-child").all_text_contents()
    values = answer.locator("[data-probability]").evaluate_all("all => all.map(e => +e.dataset.probability)")
    return dict(zip(labels, values, strict=True))


def predicted(*words: Any) -> dict[str, Any]:
    return json.loads(emozoo("predict", *map(str, words), "--json").stdout)


def probabilities(document: dict[str, Any]) -> Any:
    return pytest.approx(document["predictions"][0]["probabilities"], abs=1e-5)


def linked(page: Any, kind: str, number: int = 0) -> str:
    """What a link of the page downloads."""
    address = page.get_by_role("link", name=kind, exact=True).nth(number).get_attribute("href")
    return base64.b64decode(address.partition(",")[2]).decode()


@needs_browser
def test_a_sound_gets_the_answer_of_predict_and_is_gone_when_its_giver_leaves(
    server: Server, visitor: Any, folder: Path
) -> None:
    clip = folder / "Übung ${7*7} {{x}}'s.wav"
    page = open_page(visitor, server.address)
    give(page, clip)
    document = predicted(clip)
    assert shown(page, "Übung") == probabilities(document)
    given = page.locator(".emz-answer .emz-quiet").first.text_content()
    assert "{{x}}" in given and "49" not in given  # it is a name, whatever it looks like
    assert page.locator(".emz-emotion").text_content() == document["predictions"][0]["emotion"]
    for chart in (".emz-course", ".emz-sound"):
        box = page.locator(chart).bounding_box()
        assert box["width"] > 300 and box["height"] > 100
    page.get_by_role("button", name="How good it is").click()
    page.get_by_text("angry, happy, neutral, sad").wait_for()
    told = json.loads(linked(page, "JSON"))
    assert told["labels"] == document["labels"] and told["predictions"][0].keys() == {
        "file",
        "emotion",
        "probabilities",
        "speech",
    }
    assert told["predictions"][0]["probabilities"] == probabilities(document)
    table = emozoo("predict", clip.name, "--csv", cwd=folder).stdout.splitlines()
    assert linked(page, "CSV").splitlines()[0] == table[0]
    assert server.kept(clip.read_bytes())  # unchanged, for the player
    page.close()
    patience = time.monotonic() + 150  # a copy of the last seconds is left to gradio, which goes round now and then
    while server.kept(clip.read_bytes()) and time.monotonic() < patience:
        time.sleep(0.5)
    assert not server.kept(clip.read_bytes())


@needs_browser
def test_whatever_is_given_gets_one_sentence_and_the_page_goes_on(server: Server, visitor: Any, folder: Path) -> None:
    page = open_page(visitor, server.address)
    sentences = {
        "broken.wav": "broken.wav is WAV or AVI, but damaged or cut off",
        "page.html": "page.html is not a sound or video file",
        "silent.wav": "silent.wav is silent",
        "long.wav": "long.wav lasts 61 s, and this page takes 60 s at most",
    }
    for name, sentence in sentences.items():
        give(page, folder / name)
        error = page.locator(".emz-error").filter(has_text=sentence)
        error.wait_for()
        assert str(server.home) not in error.text_content()
    give(page, folder / "large.wav")  # refused while it comes
    page.get_by_text("maximum allowed size").first.wait_for()
    give(page, folder / "clip.wav")
    assert shown(page, "clip.wav") == probabilities(predicted(folder / "clip.wav"))
    table = json.loads(linked(page, "JSON"))["predictions"]
    assert [each["file"] for each in table] == [*sentences, "clip.wav"]
    assert ["error" in each for each in table] == [True] * 4 + [False]


@needs_browser
def test_more_than_the_page_takes_costs_a_sentence_too(visitor: Any, folder: Path, tmp_path: Path) -> None:
    code = (
        "from emozoo.demo.server import serve; from emozoo.demo.answer import Limits; serve(port=0, limits=Limits({}))"
    )
    with serving(tmp_path / "clips", "-c", code.format("clips=1")) as server:
        page = open_page(visitor, server.address)
        give(page, folder / "clip.wav")
        shown(page, "clip.wav")
        page.get_by_role("button", name="low voice").click()
        page.get_by_text("this visit has had its 1 clips: load the page anew for more").wait_for()
    with serving(tmp_path / "uploads", "-c", code.format("uploads=0")) as server:
        page = open_page(visitor, server.address)
        give(page, folder / "clip.wav")
        page.get_by_text("this page is taking as many clips as it can: try again in a minute").first.wait_for()


@needs_browser
def test_two_models_answer_a_film_side_by_side_and_show_what_they_saw(pair: Server, visitor: Any, folder: Path) -> None:
    page = open_page(visitor, pair.address)
    give(page, FACE)
    assert shown(page, FACE.name, 0) == probabilities(predicted(FACE))
    assert shown(page, FACE.name, 1) == probabilities(predicted(FACE, "--model", folder / "seeing model"))
    page.get_by_text("Cropped to the face, for the network").wait_for()
    frames = page.locator(".emz-frames img")
    assert frames.count() >= 8 and frames.first.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [100, 60]
    names = [json.loads(linked(page, "JSON", number))["model"] for number in (0, 1)]
    assert names == ["speech", str(folder / "seeing model")]


@needs_browser
def test_ten_visitors_at_once_all_get_their_own_answers(server: Server, chromium: Any, tmp_path: Path) -> None:
    paths = [write_voice(tmp_path / f"visitor {number}.wav", PLAIN, 0.15 * number) for number in range(10)]
    document = predicted(*paths)
    with ExitStack() as stack:  # a window each: one alone opens no more than six connections
        windows = [stack.enter_context(closing(chromium.new_context())) for _ in paths]
        pages = [open_page(window, server.address) for window in windows]
        for page, path in zip(pages, paths, strict=True):
            give(page, path)
        for page, path, each in zip(pages, paths, document["predictions"], strict=True):
            assert shown(page, path.name) == pytest.approx(each["probabilities"], abs=1e-5)
            page.get_by_role("link", name="JSON", exact=True).wait_for()
            assert len(json.loads(linked(page, "JSON"))["predictions"]) == 1


@needs_browser
def test_a_keyboard_and_a_microphone_do_as_well(server: Server, visitor: Any) -> None:
    page = open_page(visitor, server.address)
    page.get_by_role("button", name="quick voice").focus()
    page.keyboard.press("Enter")
    shown(page, QUICK.name)
    page.get_by_role("tab", name="Microphone").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    page.wait_for_timeout(1500)  # a recording that is ended at once may hold nothing, and is then not given
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".emz-answer, .emz-error").filter(has_text="audio").first.wait_for()


@needs_browser
def test_a_webcams_film_is_answered_by_its_sound(server: Server, visitor: Any) -> None:
    page = open_page(visitor, server.address)
    record_webcam(page)
    page.locator(".emz-answer, .emz-error").filter(has_text="webm").first.wait_for()
    assert "sound track" not in page.locator("body").inner_text()


@needs_browser
def test_a_webcams_recording_is_answered_by_a_network_with_video(pair: Server, visitor: Any) -> None:
    page = open_page(visitor, pair.address)
    record_webcam(page)
    page.locator(".emz-answer").filter(has_text="webm").wait_for()
    page.get_by_text(
        "holds no speech"
    ).wait_for()  # what Chromium's own microphone beeps, says the model of real voices
    assert page.locator(".emz-error").count() == 1
    assert page.locator(".emz-answer img").count() > 0  # frames that the second network was given


def record_webcam(page: Any) -> None:
    """Four seconds."""
    page.get_by_role("tab", name="Webcam").click()
    page.get_by_role("button", name="Click to Access Webcam").click()
    page.get_by_text("Record", exact=True).locator("visible=true").click()
    page.get_by_text("Stop", exact=True).locator("visible=true").wait_for()
    page.wait_for_timeout(4000)
    page.get_by_text("Stop", exact=True).locator("visible=true").click()


@needs_browser
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_page_and_what_was_given_to_it(number: int, status: int, tmp_path: Path) -> None:
    with serving(tmp_path / "home", "-m", "emozoo", "demo", "--port", "0", "--host", "0.0.0.0") as server:
        assert list(server.home.iterdir())
        done, told = server.stop(number)
    assert done == status, told
    assert "Traceback" not in told and "everybody who reaches this machine" in told
    assert not [path for path in server.home.iterdir() if path.name.startswith("emozoo")]


@needs_gradio
def test_mistakes_cost_a_line_before_the_page_is_served(folder: Path) -> None:
    assert "no model at" in one_error(emozoo("demo", "--model", folder / "none", check=2))
    assert "named twice" in one_error(emozoo("demo", "--model", "speech", "--model", "speech", check=2))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be used" in one_error(emozoo("demo", "--port", port, check=2))
    assert "is no host: name one like" in one_error(emozoo("demo", "--allow-host", "http://x.example", check=2))
    assert "192.0.2.1 cannot be listened on" in one_error(emozoo("demo", "--host", "192.0.2.1", check=2))


def test_a_file_that_says_less_than_it_holds_is_ended_at_the_limit(tmp_path: Path) -> None:
    path, sound = tmp_path / "endless.webm", write_sound(tmp_path / "sound.wav", tone(30, 16_000), 16_000)
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", sound, "-c:a", "libopus", path], check=True)
    data = bytearray(path.read_bytes())
    place = data.find(b"\x44\x89\x88") + 3  # how many milliseconds its header promises
    assert struct.unpack_from(">d", data, place)[0] > 30_000
    struct.pack_into(">d", data, place, 2_000)
    path.write_bytes(data)
    assert duration(path) < 5
    given = answer(small_model("cnn"), path, "endless.webm", Limits(seconds=5))
    assert given.prediction.error == "endless.webm goes on for longer than the 5 s that this page takes: cut it"


def test_without_gradio_the_way_to_it_is_told() -> None:
    code = "import sys; sys.modules['gradio'] = None; sys.argv = ['emozoo', 'demo']; from emozoo.cli.app import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=os.environ)
    assert "pip install 'emozoo[demo]'" in one_error(done)


def test_what_lists_and_helps_does_not_import_gradio() -> None:
    code = (
        "import sys; sys.argv = ['emozoo', 'demo', '--help']\ntry:\n  from emozoo.cli.app import main; main()\n"
        "except SystemExit: pass\nassert not {'gradio', 'numpy', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr
