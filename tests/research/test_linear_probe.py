"""The linear probe of docs/embeddings.md: on the embeddings of a small run, it is as accurate as the model itself."""

from pathlib import Path

from linear_probe import probe

from emozoo.checkpoint.run import RunOptions
from emozoo.training.train import train


def test_a_linear_probe_is_as_accurate_as_the_model(tmp_path: Path) -> None:
    settings = {"batch_size": "8", "epochs": "8"}
    options = RunOptions(architecture="cnn", dataset="toy", labels=("angry", "sad"), settings=settings)
    train(options, tmp_path / "run", device="cpu")
    found = probe(tmp_path / "run")
    assert found.clips >= 15
    assert found.model > 0.75  # else there is nothing to hold
    assert abs(found.model - found.probe) <= 0.02
