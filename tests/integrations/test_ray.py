"""Many clips answered by Ray, by the command line on a cluster of two nodes, and in a pipeline of one's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import ray
from ray import cloudpickle
from support.make_media import tone, write_sound
from support.models import LABELS
from support.schemas import validate
from support.small import NETWORK, emozoo, one_error

import emozoo as emozoo_package
from emozoo import EmozooError
from emozoo.bulk.questions import Predictions, Row
from emozoo.bulk.source import Source
from emozoo.checkpoint.model import EmotionModel
from emozoo.integrations.ray import Embedder, Predictor
from emozoo.integrations.ray_engine import engine, everywhere
from emozoo.integrations.ray_worker import Opening, use_own_cores
from emozoo.media import read_audio
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings

RATE = 16_000
DIFFERENT, CLIPS = 40, 20_000
DEADLINE = 480
"""Seconds for what must happen at all."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of short windows."""
    folder = tmp_path_factory.mktemp("run")
    architecture = get_architecture("cnn")
    config, _ = apply_settings(architecture, {**NETWORK, "window": "1"})
    EmotionModel(architecture, config, LABELS, synthetic=True).eval().save(folder)
    return folder


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes with a core each."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 2**27})
    made.add_node(num_cpus=1, object_store_memory=2**27)
    yield made
    ray.shutdown()
    made.shutdown()


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [row for part in sorted(folder.glob("*.parquet")) for row in pq.read_table(part).to_pylist()]


def workers() -> list[psutil.Process]:
    """The processes that answer."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "MapWorker" in " ".join(process.info["cmdline"] or ()):
            found.append(process)
    return found


def wait_for(happens: Callable[[], Any]) -> Any:
    end = time.monotonic() + DEADLINE
    while not (found := happens()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.2)
    return found


def test_20_000_clips_survive_a_worker_a_node_and_the_driver_each_with_one_row_and_the_answer_of_one_process(
    run: Path, cluster: Any, tmp_path: Path
) -> None:
    clips, answers = tmp_path / "clips", tmp_path / "answers"
    clips.mkdir()
    for number in range(DIFFERENT - 1):
        write_sound(clips / f"{number:05}.wav", tone(0.4 + number % 3 / 5, RATE, hertz=100 + 9 * number), RATE)
    (clips / f"{DIFFERENT - 1:05}.wav").write_bytes(b"RIFF nothing more")
    for number in range(DIFFERENT, CLIPS):
        (clips / f"{number:05}.wav").hardlink_to(clips / f"{number % DIFFERENT:05}.wav")
    words = ["predict", str(clips), "--model", str(run), "--output", str(answers)]
    words = [sys.executable, "-m", "emozoo", *words, "--engine", "ray", "--address", cluster.address]

    print(time.monotonic())
    first = subprocess.Popen(words)
    os.kill(wait_for(workers)[0].pid, signal.SIGKILL)
    wait_for(lambda: rows_in(answers))
    first.kill()
    first.wait()
    before = len(rows_in(answers))
    print(time.monotonic(), before)
    assert 0 < before < CLIPS

    second = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(rows_in(answers)) > before)
    print(time.monotonic())
    cluster.remove_node(cluster.worker_nodes.copy().pop())
    assert second.wait(DEADLINE) == 0
    print(time.monotonic())

    found = rows_in(answers)
    assert Counter(row["file"] for row in found) == Counter(str(path) for path in clips.iterdir())
    model = emozoo_package.load(str(run), device="cpu")
    alone = [model.predict([clips / f"{number:05}.wav"])[0] for number in range(DIFFERENT)]
    for row in found:
        known = alone[int(Path(row["file"]).stem) % DIFFERENT]
        assert row["emotion"] == known.emotion and (row["error"] is None) == (known.error is None)
        assert row["probabilities"] == (known.probabilities and pytest.approx(known.probabilities, abs=1e-6))
    assert sum(row["error"] is None for row in found) == CLIPS - CLIPS // DIFFERENT


def test_a_place_means_the_same_to_a_process_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert everywhere("calls/a.wav").decode() == str(tmp_path / "calls" / "a.wav")
    for place in (os.fsdecode(b"/calls/\xff.wav"), "/calls/\ud800.wav", "s3://calls/a.wav"):
        assert everywhere(place).decode("utf-8", "surrogatepass") == place


@pytest.fixture(scope="module")
def own_ray() -> Iterator[None]:
    """Ray on this machine, which it takes for one with a GPU."""
    ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=2**27)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sounds, and one that is none."""
    folder = tmp_path_factory.mktemp("clips ä")
    made = [write_sound(folder / f"{hertz}.wav", tone(2.2, RATE, hertz=hertz), RATE) for hertz in (200, 300)]
    (folder / "none.wav").write_bytes(b"none")
    return [*made, folder / "none.wav"]


class Deadly(Predictions):
    """Ends the process that reads a clip of a certain name, and says which GPUs the process has."""

    def rows(self, model: Any, clips: Iterator[Any]) -> Iterator[list[Row]]:
        for clip in clips:
            if clip.name == "deadly":
                os.kill(os.getpid(), signal.SIGKILL)
            gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
            yield [{"file": clip.name, "emotion": f"GPUs {gpus}"}]


def test_a_clip_that_ends_each_process_that_reads_it_has_an_error_and_its_neighbours_have_answers(
    run: Path, own_ray: None
) -> None:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    names = ["a", "deadly", *"bcd"]
    for device, gpus in (("cpu", []), ("auto", ["0"])):
        given = names if gpus else names[2:]
        answer = engine(Opening(str(run), device), Deadly())
        rows = [row for table in answer([Source(name, name) for name in given]) for row in table.to_pylist()]
        assert [row["file"] for row in rows] == given
        for row in rows:
            if row["file"] == "deadly":
                assert row["error"] == "deadly cannot be answered: each process that read it died"
            else:
                assert row["emotion"] == f"GPUs {gpus}" and row["error"] is None


def test_a_model_that_no_worker_can_open_and_a_cluster_that_is_not_there_are_one_sentence(
    run: Path, clips: list[Path], own_ray: None, tmp_path: Path
) -> None:
    with pytest.raises(EmozooError, match="nowhere"):
        list(engine(Opening("/nowhere/model"), Predictions())([Source("a", "a")]))
    words = ["predict", str(clips[0]), "--model", str(run), "--output", str(tmp_path / "answers")]
    done = emozoo(
        *words, "--engine", "ray", "--address", "127.0.0.1:1", check=2, RAY_gcs_rpc_server_connect_timeout_s="1"
    )
    assert "no cluster of Ray can be joined" in one_error(done)
    assert not (tmp_path / "answers").exists()


def test_a_pipeline_of_ones_own_adds_columns_to_batches_of_paths_bytes_and_samples(
    run: Path, clips: list[Path], own_ray: None
) -> None:
    model = emozoo_package.load(str(run), device="cpu")
    known = [model.predict(str(clip)) for clip in clips[:2]]
    sounds = [read_audio(str(clip)) for clip in clips[:2]]
    given = {
        "path": [str(clip) for clip in clips],
        "bytes": [clip.read_bytes() for clip in clips],
        "audio": [
            *({"bytes": clip.read_bytes(), "path": clip.name} for clip in clips[:2]),
            {"bytes": b"none", "path": ""},
        ],
        "mine": [
            *({"array": sound, "sampling_rate": RATE} for sound in sounds),
            {"array": None, "sampling_rate": RATE},
        ],
    }
    for name, values in given.items():
        batches = ray.data.from_items([{"id": number, name: value} for number, value in enumerate(values)])
        options = {"model": str(run), "device": "cpu", **({"column": "mine"} if name == "mine" else {})}
        answers = batches.map_batches(Predictor, fn_constructor_kwargs=options, batch_size=2, num_cpus=1, concurrency=1)
        rows = sorted(answers.take_all(), key=lambda row: row["id"])
        assert [row["emotion"] for row in rows] == [known[0].emotion, known[1].emotion, None]
        assert rows[0]["probabilities"] == pytest.approx(known[0].probabilities, abs=1e-6)
        assert rows[2]["error"] and not rows[0]["error"]


def test_embeddings_and_wrong_columns_in_a_process_that_drives_a_cluster(
    run: Path, clips: list[Path], own_ray: None
) -> None:
    found = Embedder(str(run), device="cpu")({"path": np.array([str(clip) for clip in clips], object)})
    alone = emozoo_package.load(str(run), device="cpu").embed(str(clips[1]))
    assert np.allclose(found["embedding"][1], alone, atol=1e-5) and found["embedding"][2] is None
    with pytest.raises(EmozooError, match="no column bytes or audio or path or file or item: its columns are x"):
        Embedder(str(run), device="cpu")({"x": np.array(["a"])})
    labelled = {"path": np.array([str(clips[0])], object), "emotion": np.array(["happy"], object)}
    with pytest.raises(EmozooError, match="has emotion already: rename them, or give prefix"):
        Predictor(str(run), device="cpu")(labelled)
    both = Predictor(str(run), device="cpu", prefix="guessed_")(labelled)
    assert both["emotion"].tolist() == ["happy"] and both["guessed_emotion"].tolist() != [None]


def test_a_task_has_the_cores_that_are_lent_to_it_and_the_driver_its_own(
    own_ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cores() -> str | None:
        use_own_cores()
        return os.environ.get("EMOZOO_CORES")

    monkeypatch.delenv("EMOZOO_CORES", raising=False)
    assert ray.get(ray.remote(num_cpus=2)(cores).remote()) == "2" and cores() is None


def test_without_a_cluster_it_starts_one_and_says_no_more_than_a_command_does(
    run: Path, clips: list[Path], tmp_path: Path
) -> None:
    words = ["embed", str(clips[0].parent), "--model", str(run), "--windows", "--engine", "ray", "--output"]
    for answered in (0, 3):
        done = emozoo(*words, f"{tmp_path}/vectors/", "--json")
        document = json.loads(done.stdout)
        validate(document, "answer-folder")
        assert (document["before"], document["clips"], done.stderr) == (answered, 3, "")
    rows = rows_in(tmp_path / "vectors")
    assert len(rows) == 7 and sum(row["embedding"] is None for row in rows) == 1
