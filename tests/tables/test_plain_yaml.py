"""YAML of other libraries is data: nothing that it names is imported or run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo import EmozooError
from emozoo.tables.plain_yaml import plain_data

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner), max_leaves=12
)


@settings(deadline=None)
@given(JSON)
def test_what_json_holds_comes_back(document: Any) -> None:
    assert plain_data(yaml.safe_dump(document), "a.yaml") == document


@settings(deadline=None)
@given(st.text() | st.text("{}[]!&*:-<>|'\" \nab0.", max_size=60))
def test_any_text_is_plain_data_or_one_error(text: str) -> None:
    try:
        found = plain_data(text, "a.yaml")
    except EmozooError as error:
        assert str(error).startswith("a.yaml is ") and "\n" not in str(error)
    else:
        json.dumps(found, allow_nan=False)


def test_tags_become_words() -> None:
    text = """
        hub: facebook/wav2vec2-base
        wav2vec2: !new:speechbrain.lobes.HuggingFaceWav2Vec2
            source: !ref <hub>
            output_norm: True
        softmax: !new:speechbrain.nnet.activations.Softmax
        seed: !apply:torch.manual_seed [!ref <seed>]
        shape: !tuple (1, 2)
        day: 2021-10-19
        none: .nan
    """
    assert plain_data(text, "hyperparams.yaml") == {
        "hub": "facebook/wav2vec2-base",
        "wav2vec2": {"!new:speechbrain.lobes.HuggingFaceWav2Vec2": {"source": {"!ref": "<hub>"}, "output_norm": True}},
        "softmax": {"!new:speechbrain.nnet.activations.Softmax": None},
        "seed": {"!apply:torch.manual_seed": [{"!ref": "<seed>"}]},
        "shape": {"!tuple": "(1, 2)"},
        "day": "2021-10-19",
        "none": ".nan",
    }
    assert plain_data("!!python/tuple [1]", "a.yaml") == {"tag:yaml.org,2002:python/tuple": [1]}


@pytest.mark.parametrize("tag", ["!!python/object/apply:{}", "!new:{}", "!apply:{}", "!name:{}", "!module:{}"])
def test_nothing_that_a_tag_names_is_imported_or_run(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap_of_a_tag.py").write_text("from pathlib import Path\nPath('sprung').touch()\ndef run(): 1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    plain_data(f"value: {tag.format('trap_of_a_tag.run')} []", "a.yaml")
    assert "trap_of_a_tag" not in sys.modules
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not readable as YAML"),
        ("a: 1\n--- \nb: 2", "not readable as YAML"),
        ("a: &x [1, 2]\nb: [*x, *x]", "refers to its own parts"),
        ("&x [*x]", "refers to its own parts"),
        ("[" * 50 + "]" * 50, "more than 20"),
        ("[" * 100_000, "not readable as YAML"),
        ("? [1]\n: 2", "a key of it is no text"),
        ("a: " + "x" * 2**18, "larger than 256 KiB"),
        ("a: \x00", "not readable as YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_config_is_refused(text: str, reason: str) -> None:
    with pytest.raises(EmozooError, match=reason):
        plain_data(text, "a.yaml")
