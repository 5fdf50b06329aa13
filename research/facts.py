"""Writes what `emozoo list` tells of emozoo's own plugins and models: `python research/facts.py`.

The file, emozoo/registry/facts.json, saves the command from importing torch. Run it after a change of a summary, a network
or a score; a test compares the two.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from emozoo.checkpoint import bundled
from emozoo.checkpoint.loading import load
from emozoo.conformance.attempt import PROBLEM_OF
from emozoo.filenames import README
from emozoo.registry.entry_points import KINDS, MODELS, installed
from emozoo.registry.facts import Facts, Measured, facts_of, with_parameters
from emozoo.registry.loading import load_plugin

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "emozoo" / "registry" / "facts.json"
CORPORA = {"ravdess": "ravdess", "emodb": "emo_db", "nemo": "nemo", "ased": "ased"}
"""What the bundled model was trained on: the names in results/calibration.csv, and those of datasets."""


def current() -> dict[str, dict[str, Any]]:
    """The file's content."""
    found: dict[str, dict[str, Any]] = {}
    for group in KINDS:
        own = [plugin for plugin in installed(group) if plugin.builtin]
        if group != MODELS:
            found[group] = {plugin.name: _facts(group, load_plugin(plugin, PROBLEM_OF[group])) for plugin in own}
    found["bundled"] = {name: _model(name).to_dict() for name in bundled.names()}
    return json.loads(json.dumps(found))  # as it stands in the file: tuples are lists


def _facts(group: str, offered: Any) -> dict[str, Any]:
    return with_parameters(facts_of(offered), group, offered).to_dict()


def _model(name: str) -> Facts:
    model = load(name, "cpu")
    card = (bundled.FOLDER / name / README).read_text(encoding="utf-8")
    front = yaml.safe_load(card.removeprefix("---").partition("\n---")[0])
    rows = list(csv.DictReader((ROOT / "results" / "calibration.csv").open(encoding="utf-8", newline="")))
    return Facts(
        summary=f"Speech, {len(model.labels)} emotions; what predict uses where no model is named",
        modalities=tuple(model.architecture.modalities),
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        labels=tuple(model.labels),
        languages=tuple(front["language"]),
        licence=front["license"],
        corpora=tuple(CORPORA.values()),
        architecture=model.architecture.name,
        target=model.target,
        best=replace(_best(rows), source="its card", architecture=model.architecture.name),
    )


def _best(rows: list[dict[str, str]]) -> Measured:
    """Of the model's corpora, as its card gives them: its networks, each on its unseen speakers."""
    own = [row for row in rows if row["tested_on"] == "unseen speakers" and row["corpus"] in CORPORA]
    best = max(own, key=lambda row: float(row["ua"]))
    return Measured(float(best["ua"]), CORPORA[best["corpus"]], "unseen speakers", 4)


if __name__ == "__main__":
    FILE.write_text(json.dumps(current(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
