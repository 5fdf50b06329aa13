"""The file of a study: each of its trainings is words of the command line, under a name of its own."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo import EmozooError
from emozoo.cli.study_file import Options, StudyCell, read_study
from emozoo.tables.plain_yaml import LARGEST

TEXTS = frozenset(
    {"architecture", "dataset", "data-dir", "labels", "protocol", "epochs", "seed", "seeds", "fold", "device"}
)
OPTIONS = Options(TEXTS, {"dev": "--no-dev", "denoise": ""}, frozenset({"set", "merge", "columns"}))
VALUES = st.text(max_size=60) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
AXIS = st.lists(VALUES, min_size=1, max_size=3, unique_by=lambda value: str(value).lower())


def cells(text: str, folder: Path, name: str = "study.yaml") -> list[StudyCell]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_study(path, name, OPTIONS)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(sorted(TEXTS - {"labels", "seeds", "device"})), AXIS, min_size=1, max_size=4),
    st.dictionaries(st.text("abc_ =ß", min_size=1, max_size=3), AXIS, max_size=2),
)
def test_there_is_one_training_for_each_choice_and_no_two_share_a_name_or_words(
    tmp_path_factory: pytest.TempPathFactory, axes: dict[str, list[Any]], inner: dict[str, list[Any]]
) -> None:
    folder = tmp_path_factory.mktemp("study")
    found = cells(yaml.safe_dump({**axes, "set": inner}, allow_unicode=True), folder)
    assert len(found) == math.prod(len(axis) for axis in (*axes.values(), *inner.values()))
    assert len({cell.name.casefold() for cell in found}) == len({cell.words for cell in found}) == len(found)
    for cell in found:
        assert (folder / cell.name).parent == folder and len(cell.name) < 200
        (folder / cell.name).mkdir()
        assert sum(word.startswith("--set=") for word in cell.words) == len(inner)


def test_names_tell_what_varies_and_stay_when_values_are_added(tmp_path: Path) -> None:
    text = (
        "architectures: [cnn, cnn_rnn{}]\ndataset: toy\nepochs: 1\nset: {{noise: [0.5], filters: [[4, 6], '8,8'{}]}}\n"
    )
    before = {cell.name: cell.words for cell in cells(text.format("", ""), tmp_path)}
    after = {cell.name: cell.words for cell in cells(text.format(", resnet_gru", ", '9,9'"), tmp_path)}
    assert "cnn_rnn-toy-filters=8,8-noise=0.5" in before
    *words, last, architecture = before["cnn_rnn-toy-filters=8,8-noise=0.5"]
    assert sorted(words) == ["--dataset=toy", "--epochs=1", "--set=filters=8,8", "--set=noise=0.5"]
    assert (last, architecture) == ("--", "cnn_rnn")
    assert before.items() < after.items() and len(after) == 9
    assert {word for words in before.values() for word in words if "filters" in word} == {
        *("--set=filters=8,8", "--set=filters=[4, 6]"),
    }


def test_toml_says_the_same_as_yaml(tmp_path: Path) -> None:
    assert [cell.name for cell in cells("epochs: 1\n", tmp_path)] == ["training"]
    one = cells(
        "architecture: cnn\ndataset:\n- {name: toy, data_dir: /d/ü b, as: mine}\n- toy\ndev: [true, false]\n"
        "seeds: [0, 1]\nmerge: {excited: happy}\nset: {noise: [0, 0.5]}\n",
        tmp_path,
    )
    other = cells(
        'architecture = "cnn"\ndataset = [{name = "toy", data-dir = "/d/ü b", as = "mine"}, "toy"]\ndev = [true, false]\n'
        'seeds = "0,1"\n[merge]\nexcited = "happy"\n[set]\nnoise = [0, 0.5]\n',
        tmp_path,
        "study.toml",
    )
    assert one == other and len(one) == 8
    assert one[0].name == "cnn-mine-dev=true-noise=0"
    assert set(one[0].words) == {
        *(
            "--dataset=toy",
            "--data-dir=/d/ü b",
            "--dev",
            "--seeds=0,1",
            "--merge=excited=happy",
            "--set=noise=0",
            "--",
            "cnn",
        ),
    }
    assert "--no-dev" in one[2].words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has keys and values"),
        ("- cnn", "has keys and values"),
        ("architecture: [cnn\nset: {}", "in line 2"),
        ("architecture: cnn\nepochs: 1\nepochs: 2", "epochs stands twice in it, again in line 3"),
        ("data_dir: a\ndata-dir: b", "data-dir stands twice"),
        ("architecture: cnn\narchitectures: [cnn]", "architecture stands twice"),
        ("epohcs: 3", "epohcs is no option of a training; did you mean epochs?"),
        ("output: here", "output is no option of a training"),
        ("architecture: []", "architecture is an empty list"),
        ("set: {noise: []}", "set: noise is an empty list"),
        ("architecture: [cnn, cnn]", "architecture holds cnn twice .give each another name with as"),
        ("protocol: [speaker, speaker]", "protocol holds speaker twice"),
        ("labels: [sad, angry]", "write one set as a text"),
        ("epochs:", "epochs is empty"),
        ("epochs: {a: 1}", "epochs is .*must be a text"),
        ("dev: maybe", "not true or false"),
        ("set: 3", "set must have keys"),
        ("set: {noise: {a: 1}}", "set: noise is .*must be a text"),
        ("merge: [excited=happy]", "merge takes no list"),
        ("device: [cpu, cuda]", "device takes no list"),
        ("dataset: [{data-dir: /d}]", "needs a name"),
        ("dataset: [{name: toy, epochs: [1, 2]}]", "dataset toy: epochs is a list"),
        ("dataset: [{name: toy, device: cpu}]", "device stands at the top"),
        ("dataset: [{name: toy, epohcs: 1}]", "dataset toy: epohcs is no option"),
        ("set: {noise: [0, 1]}\ndataset: {name: toy, set: {noise: 2}}", "set: noise is a list, and dataset toy"),
        ("architecture: &a [cnn]\ndataset: *a", "refers to its own parts"),
        ("architecture: !new:os.system [cnn]", "architecture: an item with options of its own needs a name"),
        ("\n".join(f"{key}: {list(range(11))}" for key in ("epochs", "seed", "fold")), "1331 trainings, and 1000"),
        ("architecture: " + "x" * LARGEST, "larger than"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_study_is_refused_in_a_sentence_that_names_the_file_and_the_key(
    text: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(EmozooError, match=f"^study.yaml.*{reason}"):
        cells(text, tmp_path)


def test_damaged_files_are_named_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match=r"^study.toml is damaged: .*line 2"):
        cells('architecture = "cnn"\ndataset = \n', tmp_path, "study.toml")
    with pytest.raises(EmozooError, match=r"^study.toml: seed is .*must be a text"):
        cells("seed = 2020-01-01\n", tmp_path, "study.toml")
    with pytest.raises(EmozooError, match=r"^study.toml: set: x is .*must be numbers"):
        cells("set.x = [[2020-01-01]]\n", tmp_path, "study.toml")
    (tmp_path / "study.yaml").write_bytes(b"architecture: \xff")
    with pytest.raises(EmozooError, match=r"^study.yaml is not UTF-8"):
        read_study(tmp_path / "study.yaml", "study.yaml", OPTIONS)
    with pytest.raises(EmozooError, match=r"^none.yaml: cannot be read"):
        read_study(tmp_path / "none.yaml", "none.yaml", OPTIONS)
