"""What strangers wrote reaches a terminal as text, JSON as JSON and a spreadsheet as words, whatever it holds."""

import csv
import io
import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from support.make_media import tone, write_sound
from support.small import emozoo, one_error

from emozoo.checkpoint.export import Export
from emozoo.checkpoint.predictions import read_predictions, write_predictions
from emozoo.cli import console
from emozoo.cli.comparison_files import csv_table, latex, markdown
from emozoo.cli.comparison_tables import show_comparison
from emozoo.cli.console import PlainConsole, say, warn
from emozoo.cli.list_tables import show_models, show_plugins, show_public
from emozoo.cli.tables import (
    show_export,
    show_hub,
    show_info,
    show_predictions,
    show_push,
    show_window,
)
from emozoo.evaluation.compare import Comparison, compared
from emozoo.evaluation.tested import Answer, Run
from emozoo.hub.public import PublicModel
from emozoo.hub.search import HubModel
from emozoo.inference.answers import Prediction, WindowAnswer
from emozoo.inference.csv_answers import write_csv
from emozoo.inference.options import PredictOptions
from emozoo.inference.segment_answers import SegmentAnswer, SpeakerAnswer
from emozoo.inference.segment_sources import GivenSegments
from emozoo.inspection.listing import Entry
from emozoo.publishing.push import Push
from emozoo.registry.facts import Facts, Measured
from emozoo.target import Outputs, Scale
from emozoo.text import csv_cell, csv_text, json_text, letters, printable

NASTY = "a\x1b]0;owned\x07\x9b31m\r\nerror: all is lost\u202egpj.\u2066\u2028[red]b[/red]:smile:\x00\\"
OVERLONG = st.one_of(st.text(), st.text("\x1b\r\n[]/\\:'=\x9b\u202e\u2028é😀\u200d\udc80", min_size=1))


def obeyed(text: str) -> list[str]:
    """What a terminal would obey or hide, but for line feeds."""
    return [
        sign
        for sign in text
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in "\n\u200c\u200d"
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("(https://me:secret@host/a?X-Amz-Signature=secret); see", "(https://host/a); see"),
        ("https://hf_secret@huggingface.co/a", "https://huggingface.co/a"),
        ("s3://key:secret@bucket/a and https://host/b?sv=1&sig=secret", "s3://bucket/a and https://host/b"),
        ("abfs://calls@account/a or http://host:80/?page=2", None),
        ("write to me@host, or key: what?key=1.wav", None),
    ],
)
def test_what_lets_one_in_is_not_shown(told: str, expected: str | None) -> None:
    assert printable(told) == (expected or told)


def test_names_of_a_corpus_are_the_same_however_they_are_written_and_in_any_script() -> None:
    assert {letters(name) for name in ("EMO-DB", "emo_db", "Emo DB", "ＥＭＯＤＢ")} == {"emodb"}
    assert len({letters(name) for name in ("情感语料", "自建数据集", "Аффект", "größe", "grosse", "grösse")}) == 5


@given(OVERLONG)
@example(NASTY)
def test_printable_text_is_one_line_without_anything_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert not obeyed(shown) and "\n" not in shown
    assert not obeyed(printable(text, lines=True).replace("\t", ""))
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größer.wav", "größer.wav"),
        ("gro\u0308ßer", "gro\u0308ßer"),  # as macOS spells it
        ("نمی\u200cدانم 👩\u200d🔬 \u3000日本", "نمی\u200cدانم 👩\u200d🔬 \u3000日本"),
        ("a\x1b[31m\n\u202e\udcff\x85", r"a\x1b[31m\n\u202e\udcff\x85"),
    ],
)
def test_words_of_any_language_stay_and_what_is_no_word_is_told(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.dictionaries(st.text(), inner)))
@example({NASTY: NASTY + "\x7f\U000e0041"})
def test_json_has_the_exact_words_and_nothing_that_a_terminal_obeys(document: Any) -> None:
    text = json_text(document, indent=2)
    assert not obeyed(text) and json.loads(text) == document


@given(st.one_of(OVERLONG, st.from_regex(r"[\s']*[=+@\-＝].*")))
@example("'=1+1")
@example("'tis")
@example("\t=1")
def test_no_cell_of_csv_is_a_formula_and_each_can_be_read_back(text: str) -> None:
    cell = csv_cell(text)
    assert cell.lstrip("'")[:1] not in {*"=+-@"} or cell.startswith("'")
    assert cell[:1] not in {*"=+-@\t\r\n＝＋－＠"}  # noqa: RUF001
    assert csv_text(cell) == text


def strange_comparison(word: str) -> Comparison:
    """Runs, labels and notes that are called so."""
    label, other = f"{word}1", f"{word}2"
    values = ((1.0,), (2.0,))
    clips = {word: Answer(word, label, label, *values), other: Answer(other, other, other, *values, fold=1)}
    run = Run(word, (label, other), True, (word,), clips, word, word, 0, 1, 1.0, word)
    return compared([run, replace(run, name=other, note="")])


def show_everything(word: str) -> None:
    """Prints each kind of result, with the word wherever a stranger's may stand."""
    warn(word)
    say(word)
    shares = {word: 0.75, "b": 0.25}
    said: dict[str, Any] = {"emotion": word, "probabilities": shares}
    answers = [
        Prediction(word, **said, windows=(WindowAnswer(0.0, 3.0, **said),), modalities=("audio",)),
        Prediction(word, error=word),
    ]
    turns = Prediction(
        word,
        segments=(SegmentAnswer(0.0, 3.0, word, word, **said), SegmentAnswer(3.0, 3.0, word, word, reason=word)),
        speakers=(SpeakerAnswer(word, 2, 1, 3.0, **said),),
    )
    outputs = Outputs.of(list(shares) if len(shares) > 1 else [*shares, "another"])
    show_predictions(answers, outputs, True, PredictOptions())
    show_predictions([turns], outputs, False, PredictOptions(segments=GivenSegments(()), adapt_speakers=True))
    show_window(WindowAnswer(0.0, 3.0, **said, emotions=(word, word)), outputs)
    rated = Outputs((), (word,), "dimensions", scale=Scale(1, 5))
    show_predictions([Prediction(word, dimensions={word: 0.5})], rated, False, PredictOptions(coverage=0.9))
    show_window(WindowAnswer(0.0, 3.0, dimensions={word: 0.5}), rated)
    facts = Facts(word, (word,), 5, (word,), (word,), word, (word,), word, word, word)
    for problem in (None, word or None):
        entry = Entry(word, word, word, problem, facts, Measured(0.5, word, word, 4, word, word))
        show_plugins({word: [entry]})
        show_models([entry])
    show_public([PublicModel(word, word, word, word, (word,), (word,), (word,), word, word, word, word, word)])
    show_export(Export(word, 1, 1, 0.0, 8))
    show_comparison(strange_comparison(word))
    show_push(Push(word, {word: 1}, (word,), word, None))
    show_push(Push(word, {word: 1}, (word,), word, word))
    show_hub([HubModel(word, word, (word,), None, None, 1)])
    nested = {"name": word, "kind": word, "text": word, "list": [word, 2], "table": {word: word}, word: word}
    show_info({**nested, "rows": [{word: [word], "b": word}]})


@settings(deadline=None, max_examples=60)
@given(OVERLONG)
@example(NASTY)
def test_nothing_on_the_terminal_is_anything_but_text(word: str) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "out", PlainConsole(stream))
        patch.setattr(console, "err", PlainConsole(stream))
        show_everything(word)
    assert not obeyed(stream.getvalue().replace("\t", ""))


@settings(deadline=None, max_examples=30)
@given(OVERLONG)
@example(NASTY)
@example("=1+1")
def test_a_comparison_in_a_file_is_text_and_no_formula(word: str) -> None:
    comparison = strange_comparison(word)
    for write in (markdown, latex, csv_table):
        assert not obeyed(write(comparison))
    for cells in csv.reader(io.StringIO(csv_table(comparison))):
        assert cells[0][:1] not in {*"=+-@\t\r\n＝＋－＠"}  # noqa: RUF001


@pytest.mark.parametrize("word", ["[red]b[/red]", "[/]", ":smile:", "a\\", "a\\\\\\", "[link=http://x]y[/link]"])
def test_markup_in_a_strangers_words_is_shown_as_it_is(word: str) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "out", PlainConsole(stream))
        patch.setattr(console, "err", PlainConsole(stream))
        warn(word)
        show_info({"name": word, "kind": "k", "list": [word], "table": {"a": word}})
        show_window(WindowAnswer(0.0, 3.0, emotion=word, probabilities={word: 1.0}), Outputs.of([word, "another"]))
        show_window(WindowAnswer(0.0, 3.0, dimensions={word: 0.5}), Outputs.of([word], "dimensions"))
    assert stream.getvalue().count(word) == 6 and f"warning: {word}\n" in stream.getvalue()


@given(OVERLONG)
@example("a\nerror: all is lost")
def test_a_warning_is_one_line(word: str) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "err", PlainConsole(stream))
        warn(word)
    assert stream.getvalue().count("\n") == 1


@pytest.fixture(scope="module")
def nasty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "=ü\x1b[31m\nerror: no [b]x.wav"
    write_sound(path, tone(3.0, 16_000), 16_000)
    return path


SHOWN = r"=ü\x1b[31m\nerror: no [b]x.wav"


def test_a_file_name_is_shown_with_escapes_and_json_has_it_exactly(nasty_file: Path) -> None:
    folder = nasty_file.parent
    table = emozoo("predict", "--no-vad", str(nasty_file.name), cwd=folder)
    assert SHOWN in re.sub(r"[│\s]", "", table.stdout).replace("error:no[b]", "error: no [b]")
    found = json.loads(emozoo("predict", "--no-vad", nasty_file.name, "--json", cwd=folder).stdout)
    assert found["predictions"][0]["file"] == nasty_file.name
    rows = emozoo("predict", "--no-vad", nasty_file.name, "--csv", cwd=folder).stdout
    assert not obeyed(rows) and len(rows.splitlines()) == 2
    (row,) = csv.DictReader(io.StringIO(rows))
    assert row["file"] == f"'{SHOWN}"


def test_an_error_about_a_file_is_one_line(tmp_path: Path) -> None:
    name = "gone\x1b]0;x\x07\nerror: [red]\u202e.wav"
    (tmp_path / name).write_bytes(b"no sound")
    for words in ([], ["--json"], ["--csv"]):
        done = emozoo("predict", name, *words, check=2, cwd=tmp_path)
        assert not obeyed(done.stdout + done.stderr) and r"gone\x1b]0;x\x07\nerror: [red]\u202e.wav" in done.stderr
    assert r"\x1b" in one_error(emozoo("predict", "a.wav", "--model", "no\x1b[2J", check=2, cwd=tmp_path))
    done = emozoo("predict", "--no\x1b[2J\x9b", check=2)
    assert r"--no\x1b[2J" in done.stderr and not obeyed(done.stderr)


@pytest.mark.parametrize("pattern", ["", "**"])
def test_an_address_where_only_files_of_this_machine_are_read_is_an_error_without_its_secrets(pattern: str) -> None:
    done = emozoo("predict", f"https://me:secret@host/{pattern}a.wav?X-Amz-Signature=secret", check=2)
    assert "https://host/" in one_error(done) and "--output FOLDER/" in one_error(done)
    assert "secret" not in done.stderr + done.stdout


def test_a_traceback_is_text_as_well(tmp_path: Path) -> None:
    done = emozoo("--debug", "predict", "a.wav", "--model", "no\x1b[2J", check=1, cwd=tmp_path)
    assert "Traceback" in done.stderr and r"no\x1b[2J" in done.stderr and not obeyed(done.stderr)


def test_what_a_broken_plugin_says_is_text(tmp_path: Path) -> None:
    site = tmp_path / "nasty_plugin-1.0.dist-info"
    site.mkdir()
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: nasty-plugin\nVersion: 1.0\x1b[31m[b]\n")
    (site / "entry_points.txt").write_text("[emozoo.architectures]\nnasty\x1b]0;x\x07 = nasty_plugin:A\n")
    (tmp_path / "nasty_plugin.py").write_text("raise ValueError('\\x1b[2J [red]no[/red] \\x9b \\u202e')\n")
    for words in (["list"], ["list", "--json"], ["info", "nasty\x1b]0;x\x07"]):
        done = emozoo(*words, check=None, PYTHONPATH=str(tmp_path), COLUMNS="300")
        assert not obeyed(done.stdout + done.stderr) and "[red]no[/red]" in done.stdout + done.stderr, words


@pytest.mark.parametrize("words", ["\u200d\u200d🗻0\x1f", "ab \u200d\u200d🗻🗻", "👨\u200d👩\u200d👧"])
def test_a_joiner_that_joins_nothing_is_told_and_any_column_holds_it(words: str, capsys: pytest.CaptureFixture) -> None:
    for width in range(1, 9):
        table = Table()
        table.add_column("what", overflow="fold", max_width=width)
        table.add_row(printable(words))
        Console(width=60).print(table)
    assert capsys.readouterr().out
    assert printable("👨\u200d👩") == "👨\u200d👩" and printable("\u200da") == r"\u200da"


def test_predictions_csv_is_harmless_in_a_spreadsheet_and_gives_back_the_words(tmp_path: Path) -> None:
    labels = ["=cmd|' /C calc'!A0", "-angry", "'tis"]
    ids = ["@SUM(1)", "+1", "'=1", "\tx", "a\r\nb", 'q"', "plain"]
    speakers, true = ["-1"] * len(ids), np.zeros(len(ids), int)
    shares, unrated = np.full((len(ids), 3), 1 / 3), np.zeros((len(ids), 0))
    outputs = Outputs(tuple(labels))
    write_predictions(tmp_path / "predictions.csv", outputs, ids, speakers, true, None, unrated, shares)
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in {*"=+-@\t\r"}] and "0.333333" in cells
    rows = read_predictions(tmp_path / "predictions.csv")
    assert [row["utterance_id"] for row in rows] == ids
    assert [*rows[0]][4:] == labels and rows[0]["predicted"] == labels[0] and rows[0]["speaker"] == "-1"


def test_labels_that_look_like_formulas_are_words_in_csv() -> None:
    shares = {"=1+1": 0.5, "b": 0.5}
    text = io.StringIO()
    write_csv([Prediction("-x.wav", emotion="=1+1", probabilities=shares)], Outputs.of(list(shares)), False, text)
    assert text.getvalue() == (
        "file,emotion,'=1+1,b,reason,speech,prediction_set,modalities,warnings,error\n"
        "'-x.wav,'=1+1,0.500000,0.500000,,,,,,\n"
    )
