"""Documents that a reader may meet: strangers' configs, nonsense, and its own with something wrong. The same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

FIELDS = (
    "architectures auto_map classifier config framework hidden_size id2label label2id labels mean model model_conf "
    "model_type modules num_classes num_labels path pooling problem_type sampling_rate source std task transform weights"
).split()
"""Names that configs of many libraries have."""
SCALARS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    7,
    "",
    "x",
    "LABEL_0",
    "../x",
    "https://x.org/y",
    "\x00",
    "ä" * 40,
)
RANDOM_DOCUMENTS = 300
DEEP = 1500
"""Lists within each other, more than a careless recursion bears."""
WRONG: tuple[Any, ...] = (None, True, -1, 0, 1.5, "x", "", [], {}, [None], {"x": None})
"""What stands in the place of a value."""


def strangers() -> Iterator[Any]:
    """Documents that no reader may take for its own: of emozoo, of models of text and pictures, and nonsense."""
    yield from (None, True, 0, 1.5, "", "model", [], {}, [1, "a"], [[]], {"": None}, {"a": {"b": [{}]}})
    yield {"model_type": "emozoo", "architecture": "net", "id2label": {"0": "angry", "1": "sad"}, "window": 3.0}
    for model_type, architecture in (
        ("bert", "BertForMaskedLM"),
        ("gpt2", "GPT2LMHeadModel"),
        ("vit", "ViTForImageClassification"),
        ("t5", "T5ForConditionalGeneration"),
    ):
        yield {"model_type": model_type, "architectures": [architecture], "hidden_size": 32, "vocab_size": 100}
    for value in WRONG:
        yield {"model_type": value, "architectures": value}
        yield dict.fromkeys(FIELDS, value)


def nonsense() -> Iterator[Any]:
    """Random documents, whose mappings have the fields of configs."""
    generator = random.Random(0)
    for _ in range(RANDOM_DOCUMENTS):
        yield _document(generator, 0)
    deep: Any = "x"
    for _ in range(DEEP):
        deep = [deep]
    yield deep
    yield dict.fromkeys(FIELDS, deep)


def _document(generator: random.Random, depth: int) -> Any:
    kind = generator.random()
    if depth > 3 or depth and kind < 0.5:
        return generator.choice(SCALARS)
    count = generator.randrange(6)
    if kind < 0.7:
        return [_document(generator, depth + 1) for _ in range(count)]
    return {generator.choice(FIELDS): _document(generator, depth + 1) for _ in range(count)}


def damaged(document: Any, most: int, seed: int = 0) -> list[Any]:
    """At most so many variants of a document: each lacks a value, or has another in its place."""
    places = [place for place in _places(document) if place]
    variants = [(place, gone) for place in places for gone in (True, False)]
    generator = random.Random(seed)
    chosen = variants if len(variants) <= most else generator.sample(variants, most)
    return [_changed(document, place, gone, generator.choice(WRONG)) for place, gone in chosen]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if len(place) < 4:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inner:
            yield from _places(item, (*place, key))


def _changed(value: Any, place: tuple[Any, ...], gone: bool, other: Any) -> Any:
    """The document without what is at a place, or with another value there."""
    if not place:
        return other
    key, *rest = place
    copy = dict(value) if isinstance(value, dict) else list(value)
    if gone and not rest:
        del copy[key]
    else:
        copy[key] = _changed(value[key], tuple(rest), gone, other)
    return copy
