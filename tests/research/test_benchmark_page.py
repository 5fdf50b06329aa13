"""docs/benchmark.md has every measured result and every published one, and marks those that cannot be compared."""

import re
from typing import Any

import benchmark_page
import pytest
from rows import ROOT, read

import results
from emozoo.registry.entry_points import ARCHITECTURES, plugins

REFERENCES = read(benchmark_page.REFERENCES)
SPEAKERS = ("independent", *benchmark_page.MARKS)


def test_the_page_is_what_its_script_writes() -> None:
    """If this fails after a change of a CSV file: python research/benchmark_page.py."""
    assert benchmark_page.PAGE.read_text(encoding="utf-8") == benchmark_page.page()


def test_each_measured_row_is_there_with_the_line_that_has_its_command() -> None:
    page = benchmark_page.page()
    lines = (ROOT / "emozoo" / "results.csv").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(results.rows(), 2):
        (line,) = (line for line in page.splitlines() if line.endswith(f"(../emozoo/results.csv#L{number}) |"))
        assert f"`{row['architecture']}`" in line and f"**{100 * float(row['ua']):.1f}**" in line
        assert row["command"] in lines[number - 1].replace('"', "")
    assert "`emozoo train" not in page  # a command in a cell is longer than a telephone is wide


@pytest.mark.parametrize(
    "page", ["docs/results.md", "docs/benchmark.md", "docs/targets.md", "cards/resnet_gru.md", "cards/cnn.md"]
)
def test_no_table_of_results_has_a_command_in_a_cell_and_each_link_has_its_line(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not re.search(r"^\|.*emozoo train .*--", text, re.MULTILINE)
    links = re.findall(r"\[(\d+)\]\(\.\./(\S+\.csv)#L(\d+)\)", text)
    assert links
    for shown, name, number in links:
        line = (ROOT / name).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert shown == number and re.search("emozoo train|python research/", line)


def test_each_reference_says_its_source_and_how_far_its_test_speakers_were_kept_out() -> None:
    for row in REFERENCES:
        needed = ("system", "corpus", "metric", "figure", "speakers", "protocol", "source")
        assert all(row[name] for name in needed), row
        assert row["speakers"] in SPEAKERS and row["corpus"] in benchmark_page.CORPORA
        assert 0 < float(row["figure"]) <= (1 if row["metric"].startswith("CCC") else 100)
    assert len({tuple(row.values()) for row in REFERENCES}) == len(REFERENCES)


def test_what_is_not_for_unseen_speakers_never_stands_beside_what_is() -> None:
    page = benchmark_page.published()
    shown = 0
    for section in page.split("\n### Published on ")[1:]:
        for table in re.findall(r"(?:^\|.*\n?)+", section, re.MULTILINE):
            marked = [any(mark in line for mark in benchmark_page.MARKS.values()) for line in table.splitlines()[2:]]
            assert len(set(marked)) == 1, table
            assert marked[0] or "test speakers" not in table
            shown += sum("emozoo `" not in line for line in table.splitlines()[2:])
    assert shown == len(REFERENCES)


@pytest.mark.parametrize("corpus", ["emodb", "crema_d"])
def test_emobox_is_marked_where_its_folds_share_speakers(corpus: str) -> None:
    found = [row for row in REFERENCES if row["corpus"] == corpus and row["protocol"].startswith("EmoBox,")]
    assert found and {row["speakers"] for row in found} == {"dependent"}


def test_the_page_says_what_was_not_run() -> None:
    said = benchmark_page.not_run()
    for name in ("`iemocap`", "`crema_d`", "`msp_podcast`", "IEMOCAP", "CREMA-D", "MSP-Podcast"):
        assert name in said
    measured = {row["architecture"] for row in results.rows()}
    for plugin in plugins(ARCHITECTURES):
        if plugin.builtin and plugin.name != "audio_classifier":
            assert (f"`{plugin.name}`" in said) is (plugin.name not in measured)
            assert f"| `{plugin.name}` |" in benchmark_page.glance()
    assert "`emo_db`" not in said and "`ravdess`" not in said


def test_a_corpus_left_out_later_gets_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = (row for row in results.read("corpora.csv") if row["protocol"] == "corpus")
    later: list[dict[str, Any]] = [first, {**first, "corpus": "savee", "clips": "480", "command": "emozoo train x"}]
    monkeypatch.setattr(benchmark_page, "read", lambda name: later if name == "corpora.csv" else [])
    monkeypatch.setattr(benchmark_page, "unadapted", lambda: later)
    text = benchmark_page.left_out()
    assert "### Tested on savee alone\n\n4 emotions, 480 clips." in text
    assert text.index("Tested on EMO-DB") < text.index("Tested on savee")
    assert "[3](../results/corpora.csv#L3)" in text
