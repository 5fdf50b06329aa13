"""A Space: three files that run as they stand, written or published; a real server on loopback plays the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from support.browser import browsing, needs_browser, needs_gradio, open_page, serving
from support.hub_server import Hub, Repo, running
from support.models import small_model
from support.publishing import cli, environment, publish
from support.small import emozoo, one_error

from emozoo import __version__
from emozoo.media.preparation import Preparation

pytestmark = needs_gradio
NAME, MODEL = "anna/feelings", "hub:anna/emo-cnn"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub with a model of anna's, which hears without noise."""
    model = small_model("cnn")
    model.preparation = Preparation(denoise=True)
    model.save(tmp_path / "run")
    with running() as server:
        publish(server, tmp_path / "run", "anna/emo-cnn")
        yield server


def front(readme: bytes | str) -> Any:
    text = readme.decode() if isinstance(readme, bytes) else readme
    return yaml.safe_load(text.split("---\n")[1])


def test_a_space_is_published_in_one_commit_and_again_with_its_own_words(hub: Hub, tmp_path: Path) -> None:
    done = cli(hub, tmp_path, "space", NAME, "--model", f"{MODEL}@main", "--private")
    assert done.stdout.strip() == f"{hub.url}/spaces/{NAME}"
    space = hub.spaces[NAME]
    assert space.private and NAME not in hub.models and len(space.history()) == 2
    files = space.files()
    assert set(files) == {".gitattributes", "README.md", "app.py", "requirements.txt"}
    data = front(files["README.md"])
    assert (data["sdk"], data["app_file"], data["models"]) == ("gradio", "app.py", ["anna/emo-cnn"])
    assert data["title"] == "feelings" and data["sdk_version"][0] == "6" and data["license"] == "apache-2.0"
    assert files["requirements.txt"].decode() == f"emozoo[demo,denoise]=={__version__}\n"
    assert f'serve(["{MODEL}@main"])' in files["app.py"].decode() and len(files["app.py"].splitlines()) <= 6
    space.commit({"README.md": files["README.md"].replace(b"title: feelings", b"title: Mine") + b"\nMy words.\n"}, "x")
    again = json.loads(cli(hub, tmp_path, "space", NAME, "--model", MODEL, "--json").stdout)
    assert again["commit"] == space.refs["main"] and len(space.history()) == 4
    assert front(space.files()["README.md"])["title"] == "Mine" and b"My words." in space.files()["README.md"]


def test_a_plugins_distribution_is_asked_for_too(hub: Hub, tmp_path: Path) -> None:
    config = json.loads(hub.models["anna/emo-cnn"].files()["config.json"])
    config["plugin"] = {"distribution": "emozoo-far", "version": "2.0"}
    hub.models["anna/emo-cnn"].commit({"config.json": json.dumps(config).encode()}, "x")
    cli(hub, tmp_path, "space", NAME, "--model", MODEL, "--output", tmp_path / "space")
    assert (tmp_path / "space" / "requirements.txt").read_text().splitlines()[1:] == ["emozoo-far==2.0"]


def test_a_dry_run_sends_nothing(hub: Hub, tmp_path: Path) -> None:
    done = cli(hub, tmp_path, "space", NAME, "--model", MODEL, "--dry-run", token=None)
    assert "app.py" in done.stdout and "sdk: gradio" in done.stdout
    assert not hub.spaces and not hub.paths("POST")


def test_what_cannot_be_is_said_in_one_sentence(hub: Hub, tmp_path: Path) -> None:
    def refused(*words: Any, **options: Any) -> str:
        return one_error(cli(hub, tmp_path, "space", *words, check=2, **options))

    assert "publish it with emozoo push" in refused(NAME, "--model", tmp_path / "run")
    assert "there is no such repository" in refused(NAME, "--model", "hub:anna/none")
    assert "is no repository of the Hub" in refused("feelings")
    assert "needs a token" in refused(NAME, token=None)
    assert "may not write there" in refused(NAME, token="hf_reader")
    assert "leave out --private, --dry-run and --token" in refused(NAME, "--output", tmp_path / "x", "--private")
    hub.spaces[NAME] = Repo(NAME)
    hub.spaces[NAME].commit({"app.py": b"import gradio", "README.md": b"---\ntitle: x\n---\n"}, "by hand")
    assert "holds an app that emozoo did not write" in refused(NAME)
    assert hub.spaces[NAME].files()["app.py"] == b"import gradio"


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "app.py").write_text("import gradio")
    assert "is not empty" in one_error(emozoo("space", NAME, "--output", str(tmp_path / "full"), check=2))
    assert (tmp_path / "full" / "app.py").read_text() == "import gradio"
    for _ in range(2):
        emozoo("space", NAME, "--output", str(tmp_path / "new"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["README.md", "app.py", "requirements.txt"]


def test_the_app_answers_to_its_names_and_reads_nothing_out(tmp_path: Path) -> None:
    space = "anna-feelings.hf.space"
    emozoo("space", NAME, "--output", str(tmp_path / "space"))
    requirements = (tmp_path / "space" / "requirements.txt").read_text()
    assert requirements == f"emozoo[demo]=={__version__}\n"
    assert tuple(map(int, __version__.split(".")[:2])) >= (0, 2)  # in 0.1 a visitor could read any file
    variables = {"SPACE_HOST": space, "SPACE_ID": NAME, "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "7868"}
    variables["HF_TOKEN"] = "hf_secret"
    with (
        serving(tmp_path / "home", str(tmp_path / "space" / "app.py"), **variables) as server,
        httpx.Client(base_url=server.address, trust_env=False, timeout=60) as client,
    ):
        through = {"host": space, "x-forwarded-proto": "https"}  # as the Hub hands it on
        client.headers.update(through)
        assert client.get("/config").json()["root"] == f"https://{space}"
        path, body = "/proc/self/environ", {"fn_index": 0, "session_hash": "x"}
        data = [{"path": path, "orig_name": "x.wav", "meta": {"_type": "gradio.FileData"}}]
        for origin in (f"https://{space}", "https://huggingface.co"):
            headers = {"origin": origin}
            assert client.post("/gradio_api/upload", files={"files": b"x"}, headers=headers).status_code == 200
            answer = client.post("/gradio_api/run/predict", json=body | {"data": data}, headers=headers)
            assert answer.status_code == 403 and "was not given to this page" in answer.text
        assert client.get(f"/gradio_api/file={path}").status_code == 403
        foreign = {"origin": "https://bob-other.hf.space"}
        assert client.post("/gradio_api/upload", files={"files": b"x"}, headers=foreign).status_code == 403
        assert client.get("/", headers={"host": "bob-other.hf.space"}).status_code == 421


@needs_browser
def test_the_app_runs_as_it_stands_and_listens_where_the_space_says(hub: Hub, tmp_path: Path) -> None:
    cli(hub, tmp_path, "space", NAME, "--model", MODEL, "--output", tmp_path / "space")
    variables = {**environment(hub, tmp_path), "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "7869"}
    with serving(tmp_path / "home", str(tmp_path / "space" / "app.py"), **variables) as server:
        assert server.address.endswith(":7869/")
        with browsing() as browser:
            page = open_page(browser, server.address)
            page.get_by_role("button", name="sad voice").click()
            page.locator(".emz-answer").filter(has_text="sad.wav").wait_for()
            assert page.get_by_role("heading", name=MODEL).is_visible()
