"""`emozoo compare`: real runs of a small toy corpus, tables of other tools, and what is refused."""

import csv
import io
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.schemas import validate
from support.small import emozoo, one_error, read, toy, train_words

from emozoo import EmozooError
from emozoo.cli import console
from emozoo.cli.comparison_files import LATEX, csv_table, latex, latex_text, markdown, markdown_text
from emozoo.cli.comparison_tables import show_comparison
from emozoo.cli.console import PlainConsole
from emozoo.data.splits.fold import SPEAKER_DEPENDENT
from emozoo.evaluation.compare import Comparison, compare, compared
from emozoo.evaluation.evaluate import evaluate
from emozoo.evaluation.tested import Run, read_run
from emozoo.filenames import METRICS, PREDICTIONS, SUMMARY

LABELS = ("angry", "happy", "sad")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: `whole` over two folds, and `single`, which is like its first."""
    folder = tmp_path_factory.mktemp("runs")
    emozoo(*train_words(folder / "whole", "--protocol", "group-2", "--fold", "all", epochs=1))
    shutil.copytree(folder / "whole" / "fold1", folder / "single")
    return folder


def write_table(path: Path, predicted: Sequence[str], heading: str = "utterance_id,speaker,label,predicted") -> Path:
    """Predictions of another tool for clips of five speakers."""
    rows = [f"clip{number},s{number % 5},{LABELS[number % 3]},{word}" for number, word in enumerate(predicted)]
    path.write_text("\n".join([heading, *rows]) + "\n")
    return path


def tables(folder: Path, clips: int = 60) -> list[Run]:
    """One that is always right, and one that is right for two of three clips."""
    right = [LABELS[number % 3] for number in range(clips)]
    often = [word if number % 9 < 6 else LABELS[(number + 1) % 3] for number, word in enumerate(right)]
    return [read_run(str(write_table(folder / f"{name}.csv", own))) for name, own in (("all", right), ("often", often))]


# --- runs


def test_a_runs_scores_are_those_of_its_own_record(runs: Path) -> None:
    """The interval too, to the last digit; and those of one fold are never mixed with those of all."""
    copy = Path(shutil.copytree(runs / "whole", runs / "copy", dirs_exist_ok=True))
    found = compare([str(runs / "whole"), str(copy)])
    for row in found.rows:
        summary = read(runs / "whole" / SUMMARY)
        assert row.folds and json.loads(json.dumps(row.metrics.to_dict())) == summary["pooled"]
        assert (row.folds.folds, row.folds.ua_mean, row.folds.ua_std) == (2, summary["ua_mean"], summary["ua_std"])
        records = [read(runs / "whole" / f"fold{number}" / METRICS)["training"] for number in (1, 2)]
        assert row.seconds == pytest.approx(sum(record["seconds"] for record in records))
        assert row.parameters == records[0]["parameters"]
        assert (row.dataset, row.protocol, row.seed, row.note) == ("toy", "group-2", 0, "")
    (pair,) = found.pairs
    assert pair.ua and (pair.ua.value, pair.ua.low, pair.ua.high) == (0, 0, 0) and not pair.found

    single = compare([str(runs / "single"), str(runs / "whole" / "fold1")])
    test = read(runs / "single" / METRICS)["test"]
    assert single.rows[0].folds is None and single.clips == test["count"]
    assert single.rows[0].metrics.ua == test["ua"] and list(single.rows[0].metrics.ua_interval) == test["ua_interval"]


def test_runs_that_were_tested_on_other_clips_are_refused_unless_on_the_common_ones(runs: Path) -> None:
    names = [str(runs / "whole"), str(runs / "single")]
    clips = [sum(1 for _ in (runs / place / PREDICTIONS).open()) - 1 for place in ("whole/fold1", "whole/fold2")]
    with pytest.raises(EmozooError) as refused:
        compare(names)
    assert str(refused.value) == (
        f"{names[0]} and {names[1]} were tested on different clips: {clips[0]} of {sum(clips)} of {names[0]} and "
        f"{clips[0]} of {names[1]} are in both; the same dataset toy, protocol group-2, seed 0 and labels, but "
        "folds 1 to 2 and fold 1; "
        "--common compares on those"
    )
    found = compare(names, common=True)
    assert found.clips == clips[0] and found.notes == (
        f"only the clips that all were tested on: {clips[0]} of {sum(clips)} of {names[0]}",
    )
    one, other = compare([str(runs / "whole" / "fold1"), names[1]]).rows
    assert [row.metrics for row in found.rows] == [one.metrics, other.metrics]
    with pytest.raises(EmozooError, match=f"none of {clips[0]} .*are in both"):
        compare([names[1], str(runs / "whole" / "fold2")])


def test_a_leaked_or_dependent_run_carries_its_note_everywhere(runs: Path, tmp_path: Path) -> None:
    asked = {"dataset": "toy", "data_dir": str(toy()), "protocol": "group-2", "fold": 1, "device": "cpu"}
    evaluate(runs / "whole" / "fold2", output=tmp_path / "leaked", **asked)
    dependent = Path(shutil.copytree(runs / "single", tmp_path / "dependent"))
    record = read(dependent / METRICS)
    record["data"]["note"] = SPEAKER_DEPENDENT
    (dependent / METRICS).write_text(json.dumps(record))

    found = compare([str(tmp_path / "leaked"), str(dependent), str(runs / "single")])
    leaked, noted, plain = (row.note for row in found.rows)
    assert (noted, plain) == (SPEAKER_DEPENDENT, "")
    assert re.fullmatch(r"leaked: \d+ of \d+ test clips, or their speakers, were trained on", leaked)
    lines = shown(found, 200)
    for number, (name, note) in enumerate((("leaked", leaked), ("dependent", noted)), 1):
        assert re.search(rf"/{name} \[{number}\] ", lines) and f"[{number}] {note}\n" in lines
        for text in (markdown(found), latex(found)):
            assert note in re.sub(r"[{}\\]", "", text)
        assert note in csv_table(found).replace('"', "")


def test_a_training_that_is_not_finished_is_refused(runs: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(runs / "whole", tmp_path / "broken"))
    (broken / SUMMARY).unlink()
    with pytest.raises(
        EmozooError, match=r"no summary.json of its 2 folds: finish its training .* such as .*broken/fold1"
    ):
        compare([str(broken), str(runs / "whole")])
    (broken / "fold1" / PREDICTIONS).unlink()
    with pytest.raises(EmozooError, match="broken/fold1 has no predictions.csv"):
        compare([str(broken / "fold1"), str(runs / "single")])
    with pytest.raises(EmozooError, match="nowhere is no run's folder and no predictions.csv"):
        compare([str(tmp_path / "nowhere"), str(runs / "single")])


def test_one_run_named_twice_is_refused(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(runs / "single")
    single = str(runs / "single")
    for twice in (single, f"{single}/", f"{single}/{PREDICTIONS}", str(tmp_path / "link")):
        with pytest.raises(EmozooError, match="cannot be compared with itself"):
            compare([single, twice])
    with pytest.raises(EmozooError, match="two runs or more"):
        compare([single])


def test_any_models_are_measured_on_the_same_clips(runs: Path, tmp_path: Path) -> None:
    """A run's folder, a bundled model, and a table of another tool beside them."""
    report = tmp_path / "report"
    evaluate("speech", dataset="toy", data_dir=str(toy()), protocol="group-2", fold=2, output=report, device="cpu")
    words = ["--dataset", "toy", "--data-dir", str(toy()), "--protocol", "group-2", "--fold", "2"]
    done = emozoo("compare", runs / "single", "speech", report / PREDICTIONS, *words, "--device", "cpu", "--json")
    document = json.loads(done.stdout)
    validate(document, "compare")
    single, speech, table = document["runs"]
    assert speech["metrics"]["confusion"] == table["metrics"]["confusion"] and speech["dataset"] == "toy"
    assert "leaked: trained on" in single["note"] and "leaked" not in speech["note"]
    assert single["parameters"] == read(runs / "single" / METRICS)["training"]["parameters"] < speech["parameters"]
    same = next(pair for pair in document["pairs"] if pair["first"] == "speech")
    assert same["ua"] == {"value": 0, "low": 0, "high": 0} and same["mcnemar"]["p"] == 1

    with pytest.raises(EmozooError, match="with --dataset, name one of its models, such as .*whole/fold1"):
        compare([str(runs / "whole"), "speech"], dataset="toy", data_dir=str(toy()))
    with pytest.raises(EmozooError, match="about a --dataset"):
        compare([str(runs / "whole"), "speech"], data_dir=str(toy()))
    other = Path(shutil.copytree(runs / "single", tmp_path / "other"))
    (other / "run.json").write_text(json.dumps({**read(other / "run.json"), "seed": 3}))
    with pytest.raises(EmozooError, match="single has the random seed 0 and .*other has the random seed 3"):
        compare([str(runs / "single"), str(other)], dataset="toy", data_dir=str(toy()), fold=1)


@pytest.mark.parametrize("columns", [60, 120])
def test_the_table_fits_the_terminal_and_loses_nothing(columns: int, runs: Path) -> None:
    name = str(shutil.copytree(runs / "whole", runs / "whole_with_a_long_name", dirs_exist_ok=True))
    found = compare([str(runs / "whole"), name])
    text = shown(found, columns)
    framed = [line for line in text.splitlines() if line[:1] in "│┃┏┡└"]
    assert framed and max(map(len, framed)) <= columns and "…" not in text
    bare = re.sub(r"[│┃\s]", "", text)
    assert name in bare and all(word in bare for word in ("UA%", "WA%", "F1%", "mean±SD", "parameters", "seconds"))
    assert f"no difference was found between {runs / 'whole'} and {name} (UA +0.0, 0.0 to 0.0" in text


def shown(comparison: Comparison, columns: int) -> str:
    """What a pipe of that width gets."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(columns))
        patched.setattr(console, "out", PlainConsole(stream))
        show_comparison(comparison)
    return stream.getvalue()


def test_the_command_writes_files_and_one_document(runs: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs / "whole", tmp_path / "other"))
    done = emozoo("compare", runs / "whole", other, "--json", "--output", tmp_path / "table.md")
    validate(json.loads(done.stdout), "compare")
    assert (tmp_path / "table.md").read_text().startswith("| run | UA %") and "wrote" in done.stderr
    assert "must end in .md, .csv, .tex, .png or .svg" in one_error(
        emozoo("compare", runs / "whole", other, "--output", tmp_path / "table.pdf", check=2)
    )


# --- tables of other tools


def test_a_table_of_another_tool_is_read_with_words_or_with_probabilities(tmp_path: Path) -> None:
    words, _ = tables(tmp_path, 12)
    assert (words.labels, words.whole, words.dimensions) == (LABELS, False, ())
    shares = "utterance_id;label;duration;sad;happy;angry;surprised\n" + "".join(
        f"clip{number};{LABELS[number % 3]};0.5;{number % 3 == 2:d};{number % 3 == 1:d};{number % 3 == 0:d};0\n"
        for number in range(12)
    )
    (tmp_path / "shares.csv").write_text(shares, encoding="utf-8-sig")
    read_back = read_run(str(tmp_path / "shares.csv"))
    assert (read_back.labels, read_back.whole) == (("sad", "happy", "angry", "surprised"), True)
    assert [clip.predicted for clip in read_back.clips.values()] == [clip.predicted for clip in words.clips.values()]
    found = compared([read_back, words])  # the speakers are those of the other
    assert found.over == "speakers" and found.labels == read_back.labels
    assert found.pairs[0].wa and found.pairs[0].wa.value == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no row"),
        ("utterance_id,label,predicted\n", "has no row"),
        ("utterance_id,predicted\na,sad\n", "no column label: it needs utterance_id, label, and predicted"),
        ("clip,label,predicted\na,sad,sad\n", "no column utterance_id"),
        ("utterance_id,label\na,sad\n", "no column predicted"),
        ("utterance_id,label,predicted\na,sad,sad\na,sad,happy\n", "line 3: the clip a occurs twice"),
        ("utterance_id,label,predicted\na,,sad\n", "line 2: the column label is empty"),
        ("utterance_id,label,predicted\n,sad,sad\n", "line 2: the column utterance_id is empty"),
        ("utterance_id,label,predicted\na,sad\n", "line 2: 2 fields, not 3"),
        ("utterance_id,label,sad,happy\na,sad,0.5,0.5\nb,angry,1,0\n", "line 3: 'angry' is not among the columns"),
        ("utterance_id,label,predicted,sad,happy\na,sad,hapy,0.5,0.5\n", "line 2: 'hapy' is not among the columns"),
        ("utterance_id,label,sad,happy\na,sad,0.5,\n", "line 2: a probability is missing"),
        ("utterance_id,label,sad,happy\na,sad,7,1\n", "the column sad does not hold probabilities"),
        ('utterance_id,label,sad,happy,votes\na,sad,0.9,0.8,"{""sad"": 1}"\n', "gives several labels a clip"),
        ("utterance_id,label,label,predicted\na,sad,sad,sad\n", "two columns 'label'"),
        ("utterance_id,valence_true,valence\na,3,high\n", "line 2: valence is 'high', not a number"),
        ("PK\x03\x04", "Excel workbook"),
    ],
)
def test_a_damaged_table_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(EmozooError) as refused:
        read_run(str(path))
    assert sentence in str(refused.value) and "other.csv" in str(refused.value)


def test_a_clip_without_an_answer_is_left_out_for_all(tmp_path: Path) -> None:
    one, other = tables(tmp_path)
    silent = {key: replace(clip, predicted="") if key == "clip0" else clip for key, clip in other.clips.items()}
    found = compared([one, replace(other, clips=silent)])
    assert found.clips == 59 and found.notes == (
        f"1 of 60 clips have no answer from {other.name}: they are left out for all",
    )
    assert all(row.metrics.count == 59 for row in found.rows)


def test_a_clip_without_a_majority_is_in_no_score_of_words(tmp_path: Path) -> None:
    split = [
        replace(run, clips={**run.clips, "clip0": replace(run.clips["clip0"], label="")}) for run in tables(tmp_path)
    ]
    found = compared(split)
    assert found.clips == 60 and found.notes == ("1 of 60 clips have no label: they are not in UA, WA and F1",)
    assert all((row.metrics.count, row.metrics.answered) == (59, 60) for row in found.rows)
    nobody = [replace(run, clips={key: replace(clip, label="") for key, clip in run.clips.items()}) for run in split]
    with pytest.raises(EmozooError, match="none of the 60 clips has a label"):
        compared(nobody)


def test_labels_in_another_order_are_the_same_and_other_label_sets_are_refused(tmp_path: Path) -> None:
    one, other = (replace(each, whole=True) for each in tables(tmp_path))
    turned = replace(other, labels=other.labels[::-1])
    there, back = compared([one, turned]), compared([turned, one])
    assert [pair.ua for pair in there.pairs] == [pair.ua and -pair.ua for pair in back.pairs]
    assert there.pairs[0].found
    with pytest.raises(EmozooError, match="only runs with one label set"):
        compared([one, replace(other, labels=(*LABELS, "calm"))])


def test_runs_of_other_data_are_refused(tmp_path: Path) -> None:
    one, other = tables(tmp_path)

    def refused(**changes: object) -> str:
        with pytest.raises(EmozooError) as told:
            compared([one, replace(other, **changes)], common=True)  # type: ignore[arg-type]
        return str(told.value)

    first = other.clips["clip0"]
    assert "other true labels for 1 of 60 clips, such as clip0" in refused(
        clips={**other.clips, "clip0": replace(first, label="sad")}
    )
    assert "other true labels for 1 of 60" in refused(clips={**other.clips, "clip0": replace(first, label="")})
    assert "leave the column speaker out" in refused(clips={**other.clips, "clip0": replace(first, speaker="s9")})
    one = replace(one, dataset="ravdess")
    assert "was tested on ravdess, and" in refused(dataset="toy")
    rated = {
        key: replace(clip, label="", predicted="", rated=(1.0,), valued=(1.0,)) for key, clip in other.clips.items()
    }
    assert "answers with words" in refused(labels=(), dimensions=("valence",), clips=rated, dataset="ravdess")


def test_the_same_clips_in_other_folds_are_refused_unless_on_the_common_ones(tmp_path: Path) -> None:
    def folded(run: Run, size: int, seed: int) -> Run:
        clips = {f"clip{at}": replace(run.clips[f"clip{at}"], fold=at // size + 1) for at in range(60)}
        return replace(run, clips=clips, dataset="toy", protocol="group-5", seed=seed)

    one, other = tables(tmp_path)
    with pytest.raises(
        EmozooError, match=r"in other folds \(the same dataset toy.*, but seed 0 and 1.*\), so they were"
    ):
        compared([folded(one, 12, 0), folded(other, 15, 1)])
    found = compared([folded(one, 12, 0), folded(other, 15, 1)], common=True)
    assert "were trained in other folds" in found.notes[0] and found.clips == 60
    assert [row.folds and row.folds.folds for row in found.rows] == [5, 4]
    assert compared([folded(one, 12, 0), other]).rows[1].folds is None  # a table of another tool tells no folds


def test_dimensions_are_compared_where_all_runs_have_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rated = rng.uniform(1, 5, 80)
    for name, noise in (("close", 0.3), ("far", 2.0)):
        rows = [f"clip{at},s{at % 8},{value:.3f},{value + rng.normal(0, noise):.3f}" for at, value in enumerate(rated)]
        text = "\n".join(["utterance_id,speaker,valence_true,valence", *rows])
        (tmp_path / f"{name}.csv").write_text(text)
    close, far = (read_run(str(tmp_path / f"{name}.csv")) for name in ("close", "far"))
    found = compared([close, far])
    assert (found.labels, found.dimensions) == ((), ("valence",))
    (valence,) = found.rows[0].metrics.dimensions
    assert not found.rows[0].metrics.labels and valence.ccc and valence.ccc > 0.9 and found.pairs[0].ccc[0].found
    validate(json.loads(json.dumps({"schema": 1, **found.to_dict()})), "compare")
    assert "is better than" in markdown(found) and "CCC valence" in latex(found)
    more = replace(far, dimensions=("valence", "arousal"))
    more = replace(
        more,
        clips={key: replace(clip, rated=clip.rated * 2, valued=clip.valued * 2) for key, clip in far.clips.items()},
    )
    assert compared([close, more]).notes == (f"left out, because not all runs have it: arousal of {far.name}",)


def test_a_run_of_votes_and_dimensions_has_the_scores_of_its_own_record(tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "joint", "--target", "votes,dimensions", epochs=1))
    shutil.copytree(tmp_path / "joint", tmp_path / "copy")
    found = compare([str(tmp_path / name) for name in ("joint", "copy")])
    test = read(tmp_path / "joint" / METRICS)["test"]
    assert found.dimensions == ("valence", "arousal", "dominance") and found.labels == tuple(test["labels"])
    for row in found.rows:
        assert (row.metrics.ua, list(row.metrics.ua_interval)) == (test["ua"], test["ua_interval"])
        for own, wanted in zip(row.metrics.dimensions, test["dimensions"], strict=True):
            assert own.ccc == pytest.approx(wanted["ccc"], abs=1e-4) and own.count == wanted["count"]
            assert own.ccc_interval == pytest.approx(wanted["ccc_interval"], abs=1e-4)
    undecided = sum(not row["label"] for row in csv.DictReader((tmp_path / "joint" / PREDICTIONS).open()))
    assert found.clips == test["answered"] == test["count"] + undecided
    assert bool(undecided) == any("have no label" in note for note in found.notes)
    assert "of folds" not in shown(found, 120) and "CCC" in shown(found, 120)


# --- files


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    one, other = tables(tmp_path)
    return compared([replace(one, name="a_b & 50 %", note="leaked: {all} of #1"), replace(other, name="[x]|y\\z~$^<>")])


def test_latex_shows_names_as_they_are(comparison: Comparison) -> None:
    text = latex(comparison)
    assert r"a\_b \& 50 \% {[}1{]} & 100.0 (100.0, 100.0) &" in text and r"leaked: \{all\} of \#1" in text
    known = [*LATEX.values(), r"\\", "&", "$p$"]
    for line in text.splitlines():
        if line.startswith(("%", "\\begin", "\\end", "\\toprule", "\\midrule", "\\bottomrule")):
            continue
        bare = re.sub("|".join(map(re.escape, sorted(known, key=len, reverse=True))), "", line)
        bare = re.sub(r"\$[-+<]? ?[\d.]+\$", "", bare)
        assert not set(bare) & set("\\%$#_{}~^[]"), line
    bodies = re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end", text, re.DOTALL)
    assert len(bodies) == 2
    for alignment, body in bodies:
        for row in (line for line in body.splitlines() if line.endswith(r"\\")):
            assert len(re.findall(r"(?<!\\)&", row)) == len(alignment) - 1
    assert latex_text("±") == r"$\pm$"


def test_markdown_shows_names_as_they_are(comparison: Comparison) -> None:
    text = markdown(comparison)
    for row in comparison.rows:
        shown = markdown_text(row.name)
        assert re.sub(r"\\(.)", r"\1", shown) == row.name and f"| {shown}" in text
        assert not re.search(r"(?<!\\)[_|<>*`#~\[\]]", shown.replace("\\\\", ""))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line.replace("\\\\", ""))) for line in lines}) == 1 and len(lines) == 4


def test_the_csv_holds_the_numbers_of_the_json(comparison: Comparison) -> None:
    rows = list(csv.DictReader(csv_table(comparison).splitlines()))
    for row, wanted in zip(rows, comparison.to_dict()["runs"], strict=True):
        assert row["name"] == wanted["name"] and row["note"] == wanted["note"] and row["clips"] == "60"
        assert [float(row[f"ua{end}"]) for end in ("", "_low", "_high")] == [
            wanted["metrics"]["ua"],
            *wanted["metrics"]["ua_interval"],
        ]
        assert float(row["macro_f1"]) == wanted["metrics"]["macro_f1"] and row["ua_mean"] == row["parameters"] == ""
