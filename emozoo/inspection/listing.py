"""What there is: plugins and models, with what is known of each. Importing this costs neither numpy nor torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from emozoo.checkpoint import bundled
from emozoo.hub.public import PublicModel, corpora, public_models
from emozoo.inspection.measured import best_of_architecture, best_on_dataset, measured_results
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, MODELS, Plugin
from emozoo.registry.facts import UNKNOWN, Facts, Measured, own_facts
from emozoo.tables.emotions import emotion_of
from emozoo.version import version

LANGUAGES = {
    "am": "Amharic", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
    "ja": "Japanese", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "ur": "Urdu", "zh": "Chinese",
}  # fmt: skip
"""Words for codes, so that a search for either finds a model."""


@dataclass(frozen=True)
class Entry:
    """A plugin or a model, and what is known of it."""

    name: str
    distribution: str
    version: str
    problem: str | None
    facts: Facts
    best: Measured | None

    def to_dict(self) -> dict[str, Any]:
        """As `emozoo list --json` prints it."""
        facts = self.facts.to_dict()
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "state": "broken" if self.problem else "ok",
            "problem": self.problem,
            **{key: facts[key] for key in ("summary", "modalities", "parameters", "labels", "languages", "licence")},
            "best": vars(self.best) if self.best else None,
        }

    def model_dict(self) -> dict[str, Any]:
        """As `emozoo list --json` prints a model."""
        facts = self.facts.to_dict()
        return {
            **self.to_dict(),
            **{key: facts[key] or None for key in ("reference", "target")},
            **{key: facts[key] for key in ("architecture", "corpora")},
        }


def entries(tried: Iterable[tuple[Plugin, Facts]]) -> list[Entry]:
    """Plugins, an architecture with its best score and a dataset with the best one on it."""
    rows = measured_results()
    found = []
    for plugin, facts in tried:
        best, problem = facts.best, plugin.problem
        if plugin.group == MODELS and plugin.name in bundled.names():
            problem = problem or f"the name {plugin.name!r} is taken by emozoo {version()}"
        elif plugin.group == ARCHITECTURES and not problem:
            best = best_of_architecture(plugin.name, rows)
        elif plugin.group == DATASETS and not problem:
            best = best_on_dataset(plugin.name, rows)
        found.append(Entry(plugin.name, plugin.distribution, plugin.version, problem, facts, best))
    return found


def bundled_entries() -> list[Entry]:
    """The bundled models."""
    known = own_facts()["bundled"]
    found = [(name, known.get(name, UNKNOWN)) for name in bundled.names()]
    return [Entry(name, "emozoo", version(), None, facts, facts.best) for name, facts in found]


def matches(entry: Entry, query: str) -> bool:
    """Whether each word of the query is in a model's name, summary, labels, corpora, languages, licence, architecture or
    target."""
    facts = entry.facts
    told = [entry.name, entry.distribution, facts.summary, facts.licence, facts.architecture, facts.target]
    return _found(query, told, facts.labels, facts.corpora, facts.languages)


def public_matches(query: str | None) -> list[PublicModel]:
    """The public models in which each word of the query is found; without a query, all."""
    return [
        each
        for each in public_models()
        if _found(
            query or "",
            [each.reference, each.summary, each.licence, each.reader, each.target],
            each.labels,
            each.corpora,
            each.languages,
        )
    ]


def _found(
    query: str, told: Sequence[str], labels: Sequence[str], of_corpora: Sequence[str], languages: Sequence[str]
) -> bool:
    names = corpora()
    words = [
        *told,
        *labels,
        *(emotion_of(label) or "" for label in labels),
        *of_corpora,
        *(names.get(corpus, "") for corpus in of_corpora),
        *languages,
        *(LANGUAGES.get(language, "") for language in languages),
    ]
    text = "\n".join(words).casefold()
    return all(word in text for word in query.casefold().split())
