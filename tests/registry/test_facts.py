"""What is told of plugins: emozoo's own file is right, and damaged words of others are nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import facts as research_facts
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.registry.facts import UNKNOWN, Facts, Measured, facts_from, facts_of, own_facts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(vars(UNKNOWN))), inner),
)


def test_the_file_says_what_the_plugins_say() -> None:
    """If this fails after a change of a plugin or a result: python research/facts.py."""
    assert json.loads(research_facts.FILE.read_text(encoding="utf-8")) == research_facts.current()


def test_it_is_complete() -> None:
    for name, facts in own_facts()["emozoo.architectures"].items():
        assert facts.summary and facts.modalities and facts.parameters, name
    assert own_facts()["bundled"]["speech"].best is not None


@settings(max_examples=40)
@given(JSON)
def test_whatever_the_cache_holds_is_facts_or_nothing(document: Any) -> None:
    facts = facts_from(document)
    assert isinstance(facts, Facts) and facts_from(json.loads(json.dumps(facts.to_dict()))) == facts


def test_what_a_plugin_says_is_cut_and_odd_things_are_left_out() -> None:
    score = SimpleNamespace(ua=0.5, dataset="d", protocol="", source="s")
    offered = SimpleNamespace(
        summary="x" * 1000, modalities="audio", labels=("a",) * 1000, language="de", parameters=True, scores=(score,)
    )
    facts = facts_of(offered)
    assert len(facts.summary) == 300 and facts.modalities == () and len(facts.labels) == 100
    assert facts.languages == ("de",) and facts.parameters is None and facts.best == Measured(0.5, "d", source="s")
