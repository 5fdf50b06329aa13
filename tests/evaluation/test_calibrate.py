"""`emozoo calibrate`, and what `emozoo evaluate` says of a calibrated model, on real runs of a small toy corpus."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import log_loss
from support.models import LABELS, small_model
from support.small import emozoo, one_error, read, toy, train_words

from emozoo import EmozooError
from emozoo.checkpoint.loading import load
from emozoo.data.corpora.toy import write_toy
from emozoo.data.splits.kept import read_split
from emozoo.evaluation.calibrate import EPOCH, calibrate, fit
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import open_data
from emozoo.evaluation.evaluate import evaluate
from emozoo.inference.calibration import COVERAGES
from emozoo.target import Outputs, Scale

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


def fits(document: Any, schema: str) -> None:
    jsonschema.validate(document, read(SCHEMAS / f"{schema}.json"))


@pytest.fixture(scope="module")
def corpus() -> Path:
    """A toy corpus with enough dev clips: 130 utterances of ten speakers."""
    folder = Path(os.environ["EMOZOO_CACHE"]) / "toy-to-calibrate"
    folder.mkdir(parents=True, exist_ok=True)
    write_toy(folder, utterances=130)
    return folder


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate") / "run"
    words = train_words(folder, "--protocol", "group-5", "--fold", "2")
    emozoo(*[str(corpus) if word == str(toy()) else word for word in words])
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_calibrated_on_its_dev_speakers(run: Path) -> None:
    """The temperature is the one that scipy finds on the dev clips of the run's own split, and nothing else of the
    checkpoint changes."""
    before, weights = read(run / "config.json"), (run / "model.safetensors").read_bytes()
    document = json.loads(emozoo("calibrate", run, "--device", "cpu", "--json").stdout)
    fits(document, "calibrate")
    (found,) = document["models"]
    config = read(run / "config.json")
    assert config.pop("calibration") == found["calibration"] and config == before
    assert (run / "model.safetensors").read_bytes() == weights

    split = read_split(run)
    assert split is not None
    fold = split.folds[1]
    speakers = {split.clips[clip].speaker for clip in fold.dev}
    assert found["calibration"]["clips"] == len(fold.dev) and found["calibration"]["speakers"] == len(speakers)
    assert found["calibration"]["part"] == "dev speakers of group-5 fold 2 of 5"
    assert EPOCH in found["notes"]

    options = read(run / "run.json")
    model = load(run, "cpu")
    data = open_data("toy", options["data_dir"], model.labels, {}, video=False)
    rows = split.placed(split.find(data.columns, data.classes))[1].dev
    probabilities = clip_probabilities(model, data.store, rows)
    true = np.asarray(data.store.labels)[list(rows)]

    def loss(log_temperature: float) -> float:
        return log_loss(true, softmax(np.log(probabilities) / np.exp(log_temperature), axis=1), labels=range(4))

    wanted = minimize_scalar(loss, bounds=(-2.9, 2.9), method="bounded").x
    assert loss(np.log(found["calibration"]["temperature"])) == pytest.approx(loss(wanted), abs=1e-6)


def test_a_calibrated_run_says_so_everywhere(run: Path, tmp_path: Path) -> None:
    assert "no (emozoo calibrate does it)" in emozoo("info", run).stdout
    plain = evaluate(run, device="cpu").metrics
    assert plain.sets == () and plain.confidence is not None
    shown = emozoo("calibrate", run, "--device", "cpu").stdout
    assert "calibration error on them" in shown and "test clips of this run" in shown and "LAC" in shown

    assert "dev speakers of group-5 fold 2 of 5" in emozoo("info", run).stdout
    done = json.loads(emozoo("evaluate", run, "--device", "cpu", "--output", tmp_path / "out", "--json").stdout)
    fits(done, "evaluate")
    assert done["confusion"] == [list(row) for row in plain.confusion]  # no answer has changed
    assert [each["method"] for each in done["sets"]] == ["lac", "aps"]
    assert {each["asked"] for each in done["sets"]} == {0.9}
    assert (tmp_path / "out" / "risk_coverage.png").stat().st_size > 10_000
    # The same, to the six digits of predictions.csv, was written into the run's own results.
    kept = read(run / "metrics.json")["test"]
    assert kept["confusion"] == done["confusion"]
    assert kept["confidence"]["calibration_error"] == pytest.approx(done["confidence"]["calibration_error"], abs=1e-4)
    assert [each["size"] for each in kept["sets"]] == pytest.approx([each["size"] for each in done["sets"]], abs=0.05)

    emozoo("card", run)
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "## Confidence" in card and "emozoo predict --coverage 0.9" in card and "(risk_coverage.png)" in card
    assert "not calibrated" not in card

    assert "promise no coverage of 0.99" in one_error(emozoo("evaluate", run, "--coverage", "0.99", check=2))
    asked = json.loads(emozoo("evaluate", run, "--device", "cpu", "--coverage", "0.6", "--json").stdout)
    assert {each["asked"] for each in asked["sets"]} == {0.6}
    assert all(one["size"] <= other["size"] for one, other in zip(asked["sets"], done["sets"], strict=True))


def test_calibrating_again_starts_from_the_uncalibrated_probabilities(run: Path) -> None:
    first, second = calibrate(run, device="cpu"), calibrate(run, device="cpu")
    assert first == second


def test_each_fold_of_a_run_is_calibrated(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fold2", "fold10", "fold1"):
        shutil.copytree(run, tmp_path / "all" / name)
    monkeypatch.chdir(tmp_path)
    assert [each.model for each in calibrate("all", device="cpu")] == [
        str(Path("all", name)) for name in ("fold1", "fold2", "fold10")
    ]
    assert all("calibration" in read(tmp_path / "all" / name / "config.json") for name in ("fold1", "fold2", "fold10"))


def test_one_bad_fold_leaves_all_folds_as_they_were(run: Path, tmp_path: Path) -> None:
    for name in ("fold1", "fold2"):
        shutil.copytree(run, tmp_path / "all" / name)
    (tmp_path / "all" / "fold2" / "model.safetensors").write_bytes(b"")
    before = files(tmp_path / "all")
    with pytest.raises(EmozooError, match="fold2"):
        calibrate(tmp_path / "all", device="cpu")
    assert files(tmp_path / "all") == before


def test_a_run_of_before_splits_were_kept_is_split_anew(run: Path) -> None:
    whole = calibrate(run, device="cpu")[0]
    (run / "split.json").unlink()
    again = calibrate(run, device="cpu")[0]
    assert again.calibration == whole.calibration
    assert any("split anew" in note for note in again.notes)


def test_a_checkpoint_without_a_run_is_calibrated_on_a_named_dataset(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    assert "no record of its training here" in one_error(emozoo("calibrate", tmp_path / "model", check=2))
    (found,) = calibrate(tmp_path / "model", dataset="toy", data_dir=str(toy()), device="cpu")
    assert found.calibration.part == "all clips" and found.test is None
    assert load(tmp_path / "model").calibration is not None


@pytest.mark.parametrize(
    ("change", "dataset", "sentence"),
    [
        ({"dev": False}, None, "was trained with --no-dev, and so on its dev speakers as well"),
        ({}, "toy", "was trained on .* of these .* clips"),
        ({"fold": 9}, None, "there is no fold 9"),
    ],
)
def test_what_cannot_be_calibrated_honestly_is_refused(
    run: Path, corpus: Path, change: dict[str, Any], dataset: str | None, sentence: str
) -> None:
    (run / "run.json").write_text(json.dumps({**read(run / "run.json"), **change}))
    before = files(run)
    with pytest.raises(EmozooError, match=sentence):
        calibrate(run, dataset=dataset, data_dir=dataset and str(corpus), device="cpu")
    assert files(run) == before


def manifest(corpus: Path, folder: Path, labels: tuple[str, ...], most: int) -> Path:
    """A table of clips of some labels, so many of each."""
    data = open_data("toy", str(corpus), None, {}, video=False)
    lines = ["file,emotion,speaker,start,end"]
    counts = dict.fromkeys(labels, 0)
    for row, number in enumerate(data.columns["label"]):
        label = data.labels[number]
        if label in counts and counts[label] < most:
            counts[label] += 1
            place = [str(data.columns[name][row]) for name in ("audio_path", "start", "end")]
            lines.append(f"{place[0]},{label},{data.columns['speaker'][row]},,")
    folder.mkdir(exist_ok=True)
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


def test_too_few_clips_and_a_label_without_clips_are_refused(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    before = files(tmp_path / "model")
    labels = load(tmp_path / "model").labels
    few = manifest(toy(), tmp_path / "few", labels, 4)
    with pytest.raises(EmozooError, match=r"cannot be calibrated on 16 clips \(all clips\), for that takes 20 or more"):
        calibrate(tmp_path / "model", dataset="manifest", data_dir=str(few), device="cpu")
    lacking = manifest(toy(), tmp_path / "lacking", labels[:-1], 9)
    with pytest.raises(EmozooError, match=f"none of the .* clips .* is {labels[-1]}"):
        calibrate(tmp_path / "model", dataset="manifest", data_dir=str(lacking), device="cpu")
    assert files(tmp_path / "model") == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hub:ann/model@main", r"is on the Hub: download it first \(hf download ann/model --local-dir FOLDER\)"),
        ("speech", "is a bundled model"),
        ("nowhere", "no model at nowhere"),
    ],
)
def test_folders_that_are_not_the_users_are_refused(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmozooError, match=sentence):
        calibrate(name, device="cpu")
    assert not list(tmp_path.iterdir())


def test_the_error_after_is_measured_on_speakers_that_the_temperature_was_not_fitted_to() -> None:
    """With a voice that is answered quite differently from the others, it is worse than the error on the fitted clips."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (200, 4))
    probabilities = softmax(logits, axis=1)
    true = np.where(np.arange(200) < 150, logits.argmax(1), rng.integers(0, 4, 200))
    speakers = ["often right"] * 150 + ["by chance"] * 50
    calibration, before, after = fit(probabilities, true, speakers, "drawn", "all clips")
    assert calibration.speakers == 2 and calibration.clips == 200
    _, _, alone = fit(probabilities, true, [""] * 200, "drawn", "all clips")
    assert after > alone and before > 0


# --- dimensions


@pytest.mark.parametrize("labels", [(), LABELS], ids=["alone", "with words"])
def test_dimensions_get_the_residuals_of_rated_clips(labels: tuple[str, ...], tmp_path: Path) -> None:
    target = "emotion,dimensions" if labels else "dimensions"
    outputs = Outputs(labels, ("valence", "arousal"), target, scale=Scale(1, 5))
    small_model("cnn", outputs).save(tmp_path / "model")
    (found,) = calibrate(tmp_path / "model", dataset="toy", data_dir=str(toy()), device="cpu")
    fits({"schema": 1, "models": [json.loads(json.dumps(found.to_dict()))]}, "calibrate")
    own = found.calibration
    assert own.has_labels is (found.error_before is not None) is bool(labels)

    model = load(tmp_path / "model", "cpu")
    assert model.calibration == own
    data = open_data("toy", str(toy()), labels or None, {}, video=False, target=target, dimensions=outputs.dimensions)
    answers = clip_probabilities(model, data.store, range(len(data.store)))[:, outputs.of_dimensions]
    for place, (name, column) in enumerate((("valence", "valence"), ("arousal", "activation"))):
        rated = (np.array(data.columns[column]) - 1) / 4
        wanted = np.quantile(
            np.abs(answers[:, place] - rated), np.ceil((len(rated) + 1) * 0.9) / len(rated), method="inverted_cdf"
        )
        assert own.residuals[name][COVERAGES.index(0.9)] == pytest.approx(wanted, abs=2e-6)
        assert own.middles[name] == pytest.approx(answers[:, place].mean(), abs=1e-6)


def test_a_run_of_words_and_dimensions_is_worth_what_its_test_clips_say(corpus: Path, tmp_path: Path) -> None:
    words = train_words(tmp_path / "run", "--protocol", "group-5", "--fold", "2", "--target", "emotion,dimensions")
    emozoo(*[str(corpus) if word == str(toy()) else word for word in words])
    shown = emozoo("calibrate", tmp_path / "run", "--device", "cpu").stdout
    assert "Intervals that are to hold people's rating in 90 % of cases" in shown and "LAC" in shown
    (found,) = calibrate(tmp_path / "run", device="cpu")
    assert found.test is not None and found.test.confidence is not None
    assert [each.name for each in found.test.dimensions] == ["valence", "arousal", "dominance"]
    assert all(each.covered > 0.5 and 0 < each.width < 4 for each in found.test.dimensions)
    measured = evaluate(tmp_path / "run", device="cpu").metrics
    assert measured.confidence is not None
    assert found.test.confidence.calibration_error == pytest.approx(measured.confidence.calibration_error, abs=1e-4)
    clip = next(path for path in corpus.rglob("*.wav"))
    answer = load(tmp_path / "run", "cpu").predict(clip, coverage=0.9, vad=False)
    assert answer.prediction_set and answer.intervals


def test_several_labels_and_too_few_ratings_are_refused(tmp_path: Path) -> None:
    small_model("cnn", Outputs(LABELS, multi=True)).save(tmp_path / "several")
    with pytest.raises(EmozooError, match="a temperature is for one label a clip"):
        calibrate(tmp_path / "several", dataset="toy", data_dir=str(toy()), device="cpu")
    with pytest.raises(EmozooError, match="a coverage is of sets that hold the only one: leave it out"):
        evaluate(tmp_path / "several", dataset="toy", data_dir=str(toy()), coverage=0.9, device="cpu")
    lines = ["file,emotion,valence"]
    data = open_data("toy", str(toy()), None, {}, video=False)
    for row, path in enumerate(data.columns["audio_path"]):
        lines.append(f"{path},{data.labels[data.columns['label'][row]]},{3 if row < 9 else ''}")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    outputs = Outputs(LABELS, ("valence",), "emotion,dimensions", scale=Scale(1, 5))
    small_model("cnn", outputs).save(tmp_path / "model")
    with pytest.raises(EmozooError, match="have a rating of valence, and that takes 20 or more"):
        given = {"dataset": "manifest", "data_dir": str(tmp_path / "clips.csv"), "scale": (1.0, 5.0)}
        calibrate(tmp_path / "model", **given, device="cpu")  # type: ignore[arg-type]
