"""The calibration in config.json of a checkpoint: kept, read by both backends, checked, and absent from older ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.calibrated import CALIBRATION, calibrate_by_hand
from support.models import small_model

from emozoo import EmozooError
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.onnx_model import load as load_onnx


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated") / "plain"
    small_model().save(folder)
    return folder


@pytest.fixture
def run(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "run"))


def test_a_checkpoint_without_a_calibration_is_not_calibrated(run: Path) -> None:
    assert "calibration" not in json.loads((run / "config.json").read_text())
    assert read_config(run).calibration is None and load(run).calibration is None


def test_null_is_no_calibration(run: Path) -> None:
    """As transformers writes what it does not know."""
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "calibration": None}))
    assert load(run).calibration is None


def test_both_backends_read_the_calibration_of_their_folder(run: Path) -> None:
    export_onnx(run)
    calibrate_by_hand(run)
    assert load(run).calibration == load_onnx(run).calibration == CALIBRATION


def test_a_model_is_saved_with_its_calibration(run: Path, tmp_path: Path) -> None:
    calibrate_by_hand(run)
    load(run).save(tmp_path / "copy")
    assert load(tmp_path / "copy").calibration == CALIBRATION
    assert (tmp_path / "copy" / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_an_export_elsewhere_follows_a_new_calibration(run: Path, tmp_path: Path) -> None:
    export_onnx(run, tmp_path / "elsewhere")
    calibrate_by_hand(run)
    export_onnx(run, tmp_path / "elsewhere")
    assert load_onnx(tmp_path / "elsewhere").calibration == CALIBRATION


@pytest.mark.parametrize(
    "value", [1, "1.5", [], {}, {"temperature": 1}, {**CALIBRATION.to_dict(), "temperature": 1e9}, CALIBRATION.part]
)
def test_a_strangers_calibration_is_checked(run: Path, value: Any) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "calibration": value}))
    with pytest.raises(EmozooError, match="config.json is damaged: calibration: "):
        load(run)
