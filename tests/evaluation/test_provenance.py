"""What a model was trained on is known wherever its figures stand: through fine-tuning, other tables, and changed data."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import SHARED_DATA
from support.small import NETWORK, RECIPE, emozoo, read, set_words, toy
from support.tables import LABELS, Heard, options, table, toy_rows

from emozoo.checkpoint.bundled import FOLDER
from emozoo.checkpoint.provenance import DAMAGED, Clips, Leak, Provenance, compare, marks, read_provenance, unrecorded
from emozoo.errors import EmozooError
from emozoo.evaluation.evaluate import evaluate
from emozoo.filenames import PROVENANCE, SPLIT
from emozoo.publishing.card import render_card
from emozoo.training import report
from emozoo.training.train import train

SPEECH = SHARED_DATA / "speech"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of the toy corpus, and a run on its first fold."""
    folder = tmp_path_factory.mktemp("provenance")
    data = table(folder / "toy.csv", toy_rows())
    train(options(data), folder / "first", device="cpu")
    return folder


def test_fine_tuning_on_another_fold_is_called_leaked_wherever_its_figure_stands(
    shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["train", "--from", shared / "first", "--dataset", "manifest", "--data-dir", shared / "toy.csv"]
    words += ["--labels", LABELS, "--protocol", "group-3", "--fold", "2", "--epochs", "1", "--device", "cpu"]
    done = emozoo(*words, *set_words("learning_rate=1e-9"), "--output", tmp_path / "second", "--json")
    told = json.loads(done.stdout)
    metrics = read(tmp_path / "second" / "metrics.json")
    tested = {row["speaker"] for row in metrics["test"]["per_speaker"]}
    first = read(shared / "first" / "metrics.json")["test"]["per_speaker"]
    assert len(tested) >= 3 and not tested & {row["speaker"] for row in first}
    leak = metrics["data"]["leak"]
    assert leak["trained_speakers"] + leak["dev_speakers"] == leak["speakers"] == len(tested)
    assert leak["trained_clips"] + leak["dev_clips"] == leak["clips"] == metrics["test"]["count"]
    assert metrics["data"]["speaker_disjoint"] is False
    sentence = Leak(**{**leak, "unknown": tuple(leak["unknown"])}).sentence
    assert sentence.startswith("leaked: ") and f"{len(tested)} test speakers" in sentence
    assert told["note"] == told["test"][0]["note"] == metrics["data"]["note"] == sentence
    lines = done.stderr.splitlines()
    warned = next(number for number, line in enumerate(lines) if "leaked: " in line)
    assert warned < next(number for number, line in enumerate(lines) if line.startswith("epoch"))
    assert any("test UA" in line and "leaked: " in line for line in lines)
    card = render_card(tmp_path / "second")
    assert (
        sentence in card
        and "never heard" not in card.split("## Results")[0].split("**Speakers**")[1].split("Expect")[0]
    )
    assert "speaker_disjoint: false" in card
    for command in ("info", "evaluate"):
        assert "leaked: " in emozoo(command, tmp_path / "second").stdout
    with open(tmp_path / "second" / "predictions.csv", encoding="utf-8", newline="") as file:
        marked = [row["trained_on"] for row in csv.DictReader(file)]
    assert marked.count("clip") == leak["trained_clips"] and marked.count("dev") == leak["dev_clips"]


def test_a_start_that_heard_none_of_the_test_speakers_is_not_called_leaked(shared: Path, tmp_path: Path) -> None:
    summary = train(options(shared / "toy.csv", start=str(shared / "first")), tmp_path / "again", device="cpu")
    data = read(tmp_path / "again" / "metrics.json")["data"]
    assert summary.note == data["note"] == "" and data["speaker_disjoint"] is True
    assert "trained_on" not in (tmp_path / "again" / "predictions.csv").read_text().splitlines()[0]


def test_the_record_goes_through_every_generation(shared: Path, tmp_path: Path) -> None:
    data = shared / "toy.csv"
    train(options(data, start=str(shared / "first"), fold=2), tmp_path / "second", device="cpu")
    train(options(data, start=str(tmp_path / "second"), fold=3), tmp_path / "third", device="cpu")
    records = [read_provenance(folder) for folder in (shared / "first", tmp_path / "second", tmp_path / "third")]
    assert all(record and not record.unknown for record in records)
    first, second, third = records
    assert first and second and third
    assert first.train.clips < second.train.clips <= third.train.clips | third.dev.clips
    assert second.train.clips == first.train.clips | second.train.clips
    leak = evaluate(tmp_path / "third", fold=1, device="cpu").leak
    assert leak.trained_clips + leak.dev_clips == leak.clips, "what only a parent heard is known, too"


def test_all_folds_of_a_fine_tuning_are_summed_up(shared: Path, tmp_path: Path) -> None:
    summary = train(options(shared / "toy.csv", start=str(shared / "first"), fold=None), tmp_path / "all", device="cpu")
    written = read(tmp_path / "all" / "summary.json")
    assert summary.note == written["note"] and summary.note.startswith("leaked: ")
    leaks = [read(tmp_path / "all" / f"fold{number}" / "metrics.json")["data"]["leak"] for number in (1, 2, 3)]
    trained, speakers = (sum(leak[name] for leak in leaks) for name in ("trained_speakers", "speakers"))
    assert 0 < trained < speakers == 10 and f"trained on {trained} of {speakers} test speakers" in summary.note
    assert leaks[0]["trained_clips"] == leaks[0]["dev_clips"] == 0


def test_without_a_record_it_is_unknown_and_never_called_disjoint(
    shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(shared / "first", tmp_path / "old")
    (tmp_path / "old" / PROVENANCE).unlink()
    (tmp_path / "old" / SPLIT).unlink()
    heard = Heard()
    train(options(shared / "toy.csv", start=str(tmp_path / "old")), tmp_path / "tuned", device="cpu", progress=heard)
    assert "unknown whether test speakers were trained on: old keeps no record" in caplog.text
    data = read(tmp_path / "tuned" / "metrics.json")["data"]
    assert data["speaker_disjoint"] is False and "leaked" not in data["note"]
    assert "unknown whether test speakers were trained on: old keeps no record" in data["note"]
    assert "**speaker-dependent** (unknown whether" in render_card(tmp_path / "tuned")
    record = read_provenance(tmp_path / "tuned")
    assert record and record.unknown == unrecorded("old").unknown and record.train.clips
    result = evaluate(tmp_path / "old", device="cpu")
    assert "the model keeps no record of what it was trained on" in result.note
    assert "made before runs kept their split" in result.note and "by the ids in its predictions.csv" in result.note


def test_fine_tunings_of_before_are_not_believed(shared: Path, tmp_path: Path) -> None:
    shutil.copytree(shared / "first", tmp_path / "old")
    metrics = read(tmp_path / "old" / "metrics.json")
    del metrics["data"]["leak"]
    metrics["training"]["start"] = "hub:anna/emo@1234567"
    (tmp_path / "old" / "metrics.json").write_text(json.dumps(metrics))
    assert "unknown whether test speakers were trained on: hub:anna/emo" in emozoo("info", tmp_path / "old").stdout
    card = render_card(tmp_path / "old")
    assert "speaker_disjoint: false" in card and "**speaker-dependent** (unknown whether" in card


def test_clips_are_known_by_their_sound_in_any_table(shared: Path, tmp_path: Path) -> None:
    with open(shared / "toy.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(shared / "first" / "predictions.csv", encoding="utf-8", newline="") as file:
        tested = {row["utterance_id"] for row in csv.DictReader(file)}
    trained = [row for row in rows if row["utterance_id"] not in tested]
    renamed = [
        {
            "file": shutil.copy(row["file"], tmp_path / f"{number}.wav"),
            "label": row["label"],
            "speaker": f"v{number % 4}",
        }
        for number, row in enumerate(trained)
    ]
    leak = evaluate(
        shared / "first", dataset="manifest", data_dir=str(table(tmp_path / "b.csv", renamed)), device="cpu"
    ).leak
    assert leak.trained_clips + leak.dev_clips == leak.clips == len(trained)
    assert leak.trained_speakers + leak.dev_speakers == leak.speakers == 4, "then their speakers are known to be heard"
    strangers = [{**row, "speaker": f"new {row['speaker']}"} for row in rows if row["utterance_id"] in tested]
    result = evaluate(
        shared / "first", dataset="manifest", data_dir=str(table(tmp_path / "c.csv", strangers)), device="cpu"
    )
    assert result.leak.disjoint and result.note == "", "however many there are, and whatever their lines are called"
    document = json.loads(
        emozoo("evaluate", shared / "first", "--dataset", "toy", "--data-dir", toy(), "--json").stdout
    )
    assert document["leak"]["trained_clips"] == len(trained) - document["leak"]["dev_clips"]
    assert document["note"].startswith("leaked: trained on ")


def sound(number: int) -> str:
    return f"{number % 2**64:016x}" * 2


def clips(rows: list[tuple[str, str, int]], dataset: str = "") -> Clips:
    """Rows of corpus, speaker and sound."""
    corpora, speakers, sounds = zip(*rows, strict=True)
    return Clips.of({"corpus": corpora, "speaker": speakers, "digest": list(map(sound, sounds))}, dataset)


def test_speakers_are_compared_corpus_by_corpus() -> None:
    heard = clips([("ravdess", "01", 1), ("nemo", "02", 2)]).provenance([0, 1], [])
    other = clips([("emodb", "01", 10), ("nemo", "01", 11), ("ravdess", "02", 12)])
    assert compare(heard, other, range(3)).disjoint
    same = compare(heard, clips([("RAVDESS", "01", 10), ("Nemo", " 02", 11), ("nemo", "03", 12)]), range(3))
    assert (same.trained_speakers, same.trained_clips, same.speakers) == (2, 0, 3)
    own = compare(heard, clips([("", "01", 10)], "ravdess"), [0])
    assert own.trained_speakers == 1, "the dataset is the corpus of rows that name none"
    moved = compare(heard, clips([("other", "x", 1), ("other", "x", 20), ("other", "y", 21)]), [1, 2])
    assert (moved.trained_speakers, moved.trained_clips, moved.speakers) == (1, 0, 2), "by another clip of the speaker"
    assert moved.sentence == "leaked: trained on 1 of 2 test speakers, 0 of 2 test clips"


def test_namesakes_in_tables_that_name_no_corpus_are_unknown_unless_the_tables_share_a_clip() -> None:
    heard = clips([("", "anna", 1), ("", "ben", 2)]).provenance([0, 1], [])
    leak = compare(heard, clips([("", "anna", 10), ("", "carl", 11)]), [0, 1])
    assert not leak.found and not leak.disjoint and leak.namesakes == 1
    assert leak.sentence.startswith("unknown for 1 of 2 test speakers: the tables name no corpus")
    leak = compare(heard, clips([("", "anna", 10), ("", "carl", 11), ("", "ben", 2)]), [0, 1])
    assert leak.trained_speakers == 1 and not leak.namesakes


def test_dev_clips_are_counted_beside_those_that_were_trained_on() -> None:
    all_ = clips([("c", "a", 1), ("c", "b", 2), ("c", "x", 3)])
    heard = all_.provenance([0], [1])
    leak = compare(heard, all_, [0, 1, 2])
    assert (leak.trained_speakers, leak.dev_speakers, leak.trained_clips, leak.dev_clips) == (1, 1, 1, 1)
    assert leak.sentence == (
        "leaked: trained on 1 of 3 test speakers, 1 of 3 test clips; "
        "leaked: its epoch was chosen by 1 of 3 test speakers, 1 of 3 test clips"
    )
    assert marks(heard, all_, [0, 1, 2]) == ["clip", "dev", ""]
    assert (heard | all_.provenance([1], [])).dev == heard.dev
    assert compare(heard | all_.provenance([1], []), all_, [0, 1, 2]).dev_speakers == 0


def test_pretrained_by_others_is_said_and_is_no_leak() -> None:
    leak = compare(Provenance(pretrained=True), clips([("c", "a", 1)]), [0])
    assert leak.disjoint and not leak.found and leak.sentence.startswith("pretrained by others")


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "B-b"]), names, st.integers(0, 2**128 - 1)), min_size=1, max_size=12),
    st.data(),
)
def test_a_record_comes_back_as_it_was_and_finds_all_that_it_has(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("record")
    all_ = clips([(corpus, f"~{name}", number) for corpus, name, number in rows])
    train_rows = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    dev_rows = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    record = all_.provenance(train_rows, dev_rows)
    record.write(folder)
    assert read_provenance(folder) == record
    assert "~" not in (folder / PROVENANCE).read_text(encoding="utf-8"), "no speaker's name is written"
    leak = compare(record, all_, sorted(train_rows))
    assert leak.trained_clips == leak.clips == len(train_rows) and leak.trained_speakers == leak.speakers


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-30],
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "clips": {"train": "AAAA", "dev": ""}}),
        lambda text: json.dumps({**json.loads(text), "clips": {"train": 3, "dev": ""}}),
        lambda text: json.dumps({**json.loads(text), "speakers": {"": {"train": ["anna"]}}}),
        lambda text: json.dumps({**json.loads(text), "speakers": {"": {"train": [7]}}}),
        lambda text: json.dumps({**json.loads(text), "unknown": ["\x1b[2J"]}),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_record_costs_nothing_but_what_it_told(
    spoil: Callable[[str], str], shared: Path, tmp_path: Path
) -> None:
    (tmp_path / PROVENANCE).write_text(spoil((shared / "first" / PROVENANCE).read_text()))
    assert read_provenance(tmp_path) == Provenance(unknown=(DAMAGED,))


def test_weights_that_are_saved_elsewhere_take_their_record_along(shared: Path, tmp_path: Path) -> None:
    import emozoo as package

    model = package.load(shared / "first", "cpu")
    model.save(tmp_path)
    assert (tmp_path / PROVENANCE).read_bytes() == (shared / "first" / PROVENANCE).read_bytes()
    model.provenance = None
    model.save(tmp_path)
    assert not (tmp_path / PROVENANCE).exists(), "what stood there was of other weights"


def test_the_model_in_the_box_says_whom_it_has_heard() -> None:
    record = read_provenance(FOLDER / "speech")
    assert record and not record.unknown and not record.dev.clips
    for corpus, dataset, name in (
        ("ravdess", "", "ravdess_07"),
        ("", "ravdess", "Actor_24"),
        ("EMO-DB", "", "emodb_16"),
        ("", "emo_db", "03"),
        ("nemo", "", "nemo_        EB0"),
        ("", "nemo", "WR0"),
        ("ased", "", "ased_01"),
        ("", "ased", "65"),
    ):
        leak = compare(record, clips([(corpus, name, 1), (corpus, "someone else", 2)], dataset), [0, 1])
        assert (leak.trained_speakers, leak.speakers) == (1, 2), (corpus, dataset, name)
    for corpus, name in (("crema_d", "1001"), ("toy", "Ses01_F")):
        assert compare(record, clips([(corpus, name, 1)]), [0]).disjoint


@pytest.mark.skipif(not SPEECH.is_dir(), reason="real speech stands beside the repository, and is not part of it")
def test_the_model_in_the_box_knows_its_recordings_under_any_name(tmp_path: Path) -> None:
    heard = ["ravdess/Actor_01/03-01-05-01-01-01-01.opus", "ravdess/Actor_02/03-01-03-01-01-01-02.opus"]
    other = ["ravdess/Actor_01/03-01-07-01-01-01-01.opus", "ravdess/Actor_02/03-01-06-01-01-01-02.opus"]  # other moods
    rows = [
        {"file": str(SPEECH / file), "label": label, "speaker": f"anyone {number}"}
        for number, (file, label) in enumerate(zip(heard + other, LABELS.split(","), strict=True))
    ]
    result = evaluate("speech", dataset="manifest", data_dir=str(table(tmp_path / "t.csv", rows)), device="cpu")
    assert (result.leak.trained_clips, result.leak.trained_speakers, result.leak.clips) == (2, 2, 4)
    assert result.note == "leaked: trained on 2 of 4 test speakers, 2 of 4 test clips"


def test_the_picture_of_a_run_marks_the_epoch_that_was_kept_where_all_have_the_same_ua(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[int] = []
    monkeypatch.setattr(report, "training_curves", lambda history, path, kept, *more: marked.append(kept))
    still = {**NETWORK, **RECIPE, "epochs": "3", "learning_rate": "1e-9", "ema_decay": "0", "noise": "0", "shift": "0"}
    train(options(shared / "toy.csv", settings=still), tmp_path / "run", device="cpu")
    training = read(tmp_path / "run" / "metrics.json")["training"]
    assert len({record["dev_ua"] for record in training["history"]}) == 1, "the UA tells nothing here"
    best = min(training["history"], key=lambda record: record["dev_loss"])
    assert marked == [training["best_epoch"]] == [best["epoch"]]
    assert f"those of epoch {best['epoch']}, the best" in " ".join(render_card(tmp_path / "run").split())


def test_another_fold_is_trained_where_only_the_first_cannot_be(shared: Path, tmp_path: Path) -> None:
    rows = [row for row in toy_rows() if row["label"] != "sad" or row["speaker"] == "Ses01_F"]
    data = table(tmp_path / "t.csv", rows)
    for fold in (1, None):
        with pytest.raises(EmozooError, match="fold 1 .* no clip of class 'sad' is left for train"):
            train(options(data, protocol="speaker", fold=fold), tmp_path / "no", device="cpu")
        assert not (tmp_path / "no").exists()
    train(options(data, protocol="speaker", fold=2), tmp_path / "two", device="cpu")
    assert read(tmp_path / "two" / "metrics.json")["data"]["fold"] == 2
