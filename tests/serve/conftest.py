"""Models and clips for the services under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.models import small_model
from support.service import Service, serving, write_voice


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two small models that were not trained: `small`, and `seeing`, which needs video."""
    place = tmp_path_factory.mktemp("models")
    small_model().save(place / "small")
    small_model("cnn_rnn_3dcnn").save(place / "seeing")
    return place


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 3 and 5 seconds, and one that takes a while to answer."""
    place = tmp_path_factory.mktemp("clips")
    for number in range(4):
        write_voice(place / f"voice{number}.wav", 3 + 2 * (number % 2), 16_000 if number < 3 else 44_100, number)
    return place


@pytest.fixture(scope="session")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With two models and small limits."""
    words = ["--model", f"small={models / 'small'}", "--model", str(models / "seeing")]
    limits = ["--max-size", "2", "--max-length", "30", "--max-files", "4", "--max-stream-length", "8"]
    with serving(tmp_path_factory.mktemp("home"), *words, *limits, "--allow-host", "voice.example.org") as served:
        yield served


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client
