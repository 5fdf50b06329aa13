"""The container images: what their files say, and what the steps for CPUs install, as far as that can be tried without a
builder.

The steps run in a fresh virtual environment, with the folders of the image below a temporary one. Then the service runs
from there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.models import small_model
from support.places import ROOT
from support.service import PATIENCE, check, write_voice
from support.small import emozoo

from emozoo.media.decoders import process

DOCKER = ROOT / "emozoo" / "serve" / "docker"
BASE_MEGABYTES = 130
"""What python:3.12-slim takes, rounded up."""
MOST_MEGABYTES = 600
HEAVY = {"torch", "torchvision", "torchaudio", "transformers", "datasets", "accelerate", "pyarrow", "matplotlib"}
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}


def steps(name: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, in order."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def required() -> list[Requirement]:
    lines = (DOCKER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_an_image_serves_as_a_user_who_is_not_root(name: str) -> None:
    found = steps(name)
    words = [word for word, _ in found]
    assert words[0] == "FROM" and set(words) <= KNOWN and words.count("FROM") == 1
    user = next(rest for word, rest in found if word == "USER")
    assert int(user.partition(":")[0]) > 0 and words.index("USER") > max(
        number for number, word in enumerate(words) if word == "RUN"
    )
    entry = json.loads(dict(found)["ENTRYPOINT"])
    assert entry[:2] == ["emozoo", "serve"] and "--token-file" not in entry
    health = dict(found)["HEALTHCHECK"]
    assert "/healthz" in health and json.loads(health.partition("CMD ")[2])[0] == "python"
    ignored = (DOCKER / f"{name}.dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    for rest in (rest for word, rest in found if word == "COPY"):
        for source in shlex.split(rest)[:-1]:
            assert f"!{source}" in ignored, f"{source} does not reach the builder"


def test_the_images_are_built_as_the_page_says() -> None:
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    for name in ("Dockerfile", "Dockerfile.cuda"):
        assert f"docker build -f emozoo/serve/docker/{name} " in page
        assert f"docker build -f emozoo/serve/docker/{name} " in (DOCKER / name).read_text(encoding="utf-8")


def test_the_requirements_are_emozoos_own_without_the_heavy_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    own = {str(Requirement(line)) for line in (*project["dependencies"], *extras["onnx"], *extras["serve"])}
    assert {str(each) for each in required()} <= own
    assert not HEAVY & closure()


def closure() -> set[str]:
    """The distributions that pip installs for the requirements, by canonical name."""
    found: set[str] = set()
    waiting = [each for each in required() if each.marker is None or each.marker.evaluate()]
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name not in found:
            found.add(name)
            try:
                lines = requires(name) or []
            except PackageNotFoundError:
                continue
            needed = [Requirement(line) for line in lines]
            waiting += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


CODE = """
import json, os, signal, sys, threading, urllib.request

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ImportError(f"{name} is not in the image")

HEAVY = set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Block())
from emozoo.serve import serve

def ask(address, names):
    body = open(sys.argv[3], "rb").read()
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    def run():
        try:
            for path in ("v1/predict?vad=true", "v1/predict?vad=false", "v1/embed?vad=false"):
                print(urllib.request.urlopen(urllib.request.Request(address + path, body, kind)).read().decode())
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=run).start()

assert serve([sys.argv[1]], port=0, backend="onnx", started=ask) == 0
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    small_model().save(place / "run")
    emozoo("export", str(place / "run"), "--output", str(place / "model"))
    return place / "model"


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A request's body, with a clip whose rate has to be changed."""
    place = tmp_path_factory.mktemp("body")
    clip = write_voice(place / "a.wav", 3, 22_050).read_bytes()
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    (place / "body").write_bytes(head + clip + b"\r\n--b--\r\n")
    return place / "body"


def test_the_service_imports_what_the_requirements_bring_and_no_torch(exported: Path, body: Path) -> None:
    words = [sys.executable, "-c", CODE, str(exported), json.dumps(sorted(HEAVY)), str(body)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    *answers, modules = done.stdout.splitlines()
    for line in answers:
        assert "error" not in json.loads(line), line
    brought = closure() | {"silero-vad", "emozoo"}
    imported = set(json.loads(modules)) | decoder_modules()
    homes = {
        canonicalize_name(home): module
        for module, found in packages_distributions().items()
        if module in imported - set(sys.stdlib_module_names)
        for home in found
    }
    # The hook of an editable installation is none of the service's.
    ours = {
        name: module for name, module in homes.items() if not module.startswith(("_", "sitecustomize", "distutils"))
    }
    assert ours.keys() <= brought, {name: ours[name] for name in ours.keys() - brought}


def decoder_modules() -> set[str]:
    """What the process that decodes imports, by the words of its files; OpenCV is for the extra `face`."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in Path(process.__file__).parent.glob("*.py"))
    return set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE)) - {"cv2"}


# --- Its steps


class Image:
    """The folders of an image, below a temporary one, and a virtual environment for its Python."""

    def __init__(self, place: Path, context: Path) -> None:
        self.root, self.context = place / "root", context
        self.workdir = self.root
        self.environment: dict[str, str] = {}
        self.entry: list[str] = []
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        self.bin = place / "venv" / "bin"

    def place(self, path: str) -> Path:
        return self.root / path.lstrip("/") if path.startswith("/") else self.workdir / path

    def run(self, name: str) -> None:
        for word, rest in steps(name):
            if word == "WORKDIR":
                self.workdir = self.place(rest)
                self.workdir.mkdir(parents=True)
            elif word == "COPY":
                *sources, target = shlex.split(rest)
                self._copy(sources, self.place(target))
            elif word == "RUN":
                path = f"{self.bin}:/usr/bin:/bin"
                subprocess.run(["sh", "-ec", rest], cwd=self.workdir, env=self._env(path), check=True, timeout=900)
            elif word == "ENV":
                self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            elif word == "ENTRYPOINT":
                self.entry = json.loads(rest)

    def _env(self, path: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "TMP", "HTTP", "SSL"))}
        return {**kept, "HOME": str(self.root), "PATH": path, **self.environment}

    def _copy(self, sources: list[str], target: Path) -> None:
        for pattern in sources:
            found = list(self.context.glob(pattern))
            assert found, f"{pattern} is not in the context"
            for each in found:
                if each.is_dir():
                    shutil.copytree(each, target, dirs_exist_ok=True)
                else:
                    target.mkdir(parents=True, exist_ok=True)
                    shutil.copy(each, target)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The entry point, where paths of the image are below the temporary folder."""
        entry = [re.sub(r"=(/model)$", lambda found: f"={self.place(found[1])}", word) for word in self.entry]
        command = [str(self.bin / entry[0]), *entry[1:], *words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.workdir,
            env=self._env(f"{self.bin}:/usr/bin:/bin"),
        )  # fmt: skip

    def megabytes(self) -> float:
        """What the steps add to the base image, without the pip that it has anyway."""
        files = [path for path in self.bin.parent.rglob("*") if path.is_file() and not path.is_symlink()]
        files += [path for path in self.root.rglob("*") if path.is_file()]
        kept = [path for path in files if not {"pip", "setuptools"} & set(path.parts)]
        return sum(path.stat().st_size for path in kept) / 1e6


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Iterator[Image]:
    place = tmp_path_factory.mktemp("image")
    context = place / "context"
    (context / "emozoo" / "serve").mkdir(parents=True)
    shutil.copytree(DOCKER, context / "emozoo" / "serve" / "docker")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(context / "dist")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    shutil.copytree(exported, context / "dist" / "model")
    built = Image(place, context)
    built.run("Dockerfile")
    yield built


def test_the_steps_of_the_image_install_no_torch_and_stay_small(
    image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [image.bin / "python", "-m", "pip", "list", "--format", "json"], capture_output=True, check=True
    )
    names = {canonicalize_name(each["name"]) for each in json.loads(done.stdout)}
    assert {"emozoo", "onnxruntime", "silero-vad"} <= names and not names & HEAVY
    size = image.megabytes()
    with capsys.disabled():
        print(f"\nthe steps of the image install {size:.0f} MB")
    assert BASE_MEGABYTES + size < MOST_MEGABYTES


def test_the_service_of_the_image_answers(image: Image, body: Path) -> None:
    process = image.start("--port", "0", "--json")
    try:
        assert process.stdout is not None
        started: Any = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        with httpx.Client(base_url=started["address"], timeout=PATIENCE, trust_env=False) as client:
            answer = client.post("/v1/predict?vad=false", content=body.read_bytes(), headers=kind)
            assert answer.status_code == 200, answer.text
            check(answer.json(), "predict")
            assert answer.json()["model"] == "speech"
            searched = client.post("/v1/predict?vad=true", content=body.read_bytes(), headers=kind).json()
            assert searched["predictions"][0]["speech"] >= 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()
