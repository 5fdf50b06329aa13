"""Renders the cards of the bundled architectures, cards/*.md, and of the bundled model: `python research/cards.py`.

Results are from emozoo/results.csv and results/calibration.csv.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import link_of, training_of

from emozoo.architecture import Architecture
from emozoo.checkpoint.bundled import FOLDER
from emozoo.checkpoint.provenance import read_provenance
from emozoo.checkpoint.results import Metrics
from emozoo.filenames import CONFIG
from emozoo.hints import from_json
from emozoo.inference.calibration import METHOD
from emozoo.inspection.describe import measured_results
from emozoo.publishing import card_text
from emozoo.publishing.card import PIPELINE_TAGS, dump_front_matter, eval_results
from emozoo.publishing.card_text import citation_section, network_section, purpose, settings_table
from emozoo.registry.entry_points import ARCHITECTURES, plugins
from emozoo.registry.loading import get_architecture
from emozoo.text import percent

ROOT = Path(__file__).resolve().parents[1]
CARDS = ROOT / "cards"
INDEX = "README.md"
SPEECH = FOLDER / "speech" / "README.md"
CORPORA = {"ravdess": "RAVDESS, English", "emodb": "EMO-DB, German", "nemo": "nEMO, Polish", "ased": "ASED, Amharic"}


SPEECH_TEXT = """\
# speech

The bundled model of emozoo. It tells four emotions apart in a voice ({labels}), in any audio or video file.
`emozoo predict clip.wav` uses it. It has {members} networks of the architecture `resnet_gru`. Beside each are two linear
layers over statistics of pitch, loudness, spectrum and rhythm, as the architecture `functionals` has: one for recordings
like those that it learned from, one for noisy and narrow ones. This is its version 2.

## Training data and licence

{recordings} recordings of acted speech: RAVDESS (Livingstone and Russo 2018; English, 24 speakers; CC BY-NC-SA 4.0),
EMO-DB (Burkhardt et al. 2005; German, 10 speakers; for research), nEMO (Christop 2024; Polish, 9 speakers; CC BY-NC-SA
4.0) and ASED (Retta et al. 2023; Amharic, 65 speakers; for research). Their terms also bind the weights
(cc-by-nc-sa-4.0): use them for research, not for anything commercial, name the sources, and share alike. The code of emozoo
is under the Apache License 2.0.

Each network and each layer was trained without the test speakers of its fold; together they were trained on all speakers.
`provenance.json` records that: emozoo marks a result of this model on those speakers or recordings as leaked.

## How accurate it is

UA, the mean recall of the four classes, in %, with 95 % intervals over speakers. The middle column is for each network and
its layers, on the unseen speakers of their fold. The right column is for such a network and layers that were trained on the
three other corpora, the network for half as many epochs and not in noise. The accuracy of the whole model cannot be measured
on these recordings, because each was in the training data of some part of it.

{table}

Its probabilities are scaled by a temperature of {temperature}, and thresholds for sets of emotions (`--coverage`, split
conformal prediction) are fitted, both to the answers for the corpora that were left out: recordings of a kind that the
networks did not know. Calibrated in that way by the three other corpora, the expected calibration error on a corpus, in 15
bins, is {errors}. Of sets that are to hold the true emotion in 90 % of cases, {held} do.
On unseen speakers of corpora that it does know, the model is less sure than it could be. Calibrate a copy by recordings of
your kind: `emozoo calibrate FOLDER --dataset manifest`.

## Limits and bias

Actors portrayed an emotion, in four languages and in good recordings. Spontaneous speech is weaker and more mixed; children
and old people were not measured. The model knows four emotions only: it has no answer for another mood, for two voices at
once, or for music. It is biased: accuracy differs between speakers, and some voices sound sad or angry to it whatever their
mood. Adaptation to the speaker (`--speaker`, with a few recordings of the person) or to the recordings at hand (`--adapt
recordings`) reduces this bias.

## Use

```sh
emozoo predict clip.wav
emozoo predict clip.wav --speaker recordings-of-the-person/
emozoo predict clip.wav --coverage 0.9
```

{purpose}

## How it was made

In a clone of emozoo, by the commands under "How the bundled model is made" in docs/results.md. The section before it
measures the networks on noise, telephone speech and short clips.
"""


@dataclass(frozen=True)
class SpeechConfig:
    """What the card says of the bundled model's config.json."""

    architecture: str
    architecture_config: dict[str, Any]
    label2id: dict[str, int]
    calibration: dict[str, Any]


def names() -> list[str]:
    """The bundled architectures."""
    return [plugin.name for plugin in plugins(ARCHITECTURES) if plugin.builtin]


def rows_of(name: str) -> list[dict[str, str]]:
    """An architecture's measured results, best UA first within a dataset."""
    rows = [row for row in measured_results() if row["architecture"] == name]
    return sorted(rows, key=lambda row: (row["dataset"], len(row["labels"].split()), -float(row["ua"])))


def front_matter(architecture: Architecture, rows: list[dict[str, str]]) -> str:
    from huggingface_hub import ModelCardData

    results = [
        result
        for row in rows
        for result in eval_results(
            Metrics(("",), wa=float(row["wa"]), ua=float(row["ua"]), macro_f1=float(row["macro_f1"])).scores,
            dataset=row["dataset"],
            protocol=f"{row['protocol']}, {len(row['labels'].split())} emotions",
            video=architecture.video,
            details={"folds": int(row["folds"]), "seed": row["seed"].replace(" ", ", "), "command": row["command"]},
        )
    ]
    modalities = tuple(architecture.modalities)
    data = ModelCardData(
        license="apache-2.0",
        library_name="emozoo",
        pipeline_tag=PIPELINE_TAGS[modalities],
        tags=["emozoo", architecture.name, *modalities, "speech-emotion-recognition"],
        datasets=sorted({row["dataset"] for row in rows}) or None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=architecture.name,
        eval_results=results or None,
    )
    values = data.to_dict()
    values.pop("model_name", None)
    values["emozoo"] = {"architecture": architecture.name}
    return dump_front_matter(values)


def results(rows: list[dict[str, str]]) -> str:
    """Means over folds, a row for each finished run."""
    if not rows:
        return "Nothing has been measured yet: no run of this network over all folds of a real corpus is finished."
    header = ["data", "UA %", "over folds", "95 % interval", "WA %", "macro F1 %", "trained", "row"]
    lines = []
    for row in rows:
        share = {name: percent(float(row[name])) for name in ("wa", "ua", "ua_std", "ua_low", "ua_high", "macro_f1")}
        emotions = row["labels"].split()
        data = (
            f"{row['dataset']}: {', '.join(emotions)}; {row['clips']} clips, `{row['protocol']}`, {row['folds']} folds"
        )
        interval = f"{share['ua_low']} to {share['ua_high']}"
        figures = [f"**{share['ua']}**", f"± {share['ua_std']}", interval, share["wa"], share["macro_f1"]]
        link = link_of(row, "emozoo/results.csv", measured_results())
        lines.append([data, *figures, training_of(row), link])
    return (
        "On unseen speakers. WA is accuracy, UA the mean recall of the classes; means and deviations are "
        "over folds, the interval is a bootstrap over the speakers of all folds. The last column leads to the line of "
        "results.csv that has the command.\n\n" + card_text.table(header, lines)
    )


def render(name: str) -> str:
    """The whole card of an architecture."""
    architecture = get_architecture(name)
    rows = rows_of(name)
    config = architecture.config()
    parameters = sum(parameter.numel() for parameter in architecture.build(config, 4).parameters())
    frames = " and 20 frames of 60 x 100" if architecture.video else ""
    sections = [
        f"# {name}",
        f"{architecture.summary}. {parameters:,} parameters with four labels; it takes {architecture.window:g} seconds of "
        f"16 kHz audio{frames}.",
        "This is the card of the architecture. `emozoo train` makes a model of it; `emozoo card` writes that model's card.",
        "## Results\n\n" + results(rows),
        network_section(architecture),
        "## Settings and recipe\n\n"
        + settings_table(dataclasses.asdict(config), dataclasses.asdict(architecture.recipe)),
        purpose(
            "splits that keep speakers apart are the default. A result of any other split is marked as "
            "speaker-dependent wherever it appears."
        ),
        "## Licence\n\nThe code is under the Apache License 2.0. The weights of a trained model are also under the "
        "terms of the corpus that it was trained on: `emozoo info ravdess` shows a corpus' licence.",
        citation_section([architecture.citation]),
    ]
    return f"---\n{front_matter(architecture, rows)}\n---\n\n" + "\n\n".join(sections) + "\n"


def index() -> str:
    """cards/README.md."""
    lines = []
    for name in names():
        best: dict[tuple[str, int], dict[str, str]] = {}
        for row in rows_of(name):
            best.setdefault((row["dataset"], len(row["labels"].split())), row)
        figures = [f"{data}, {count} emotions: {percent(float(row['ua']))}" for (data, count), row in best.items()]
        summary = get_architecture(name).summary
        lines.append([f"[`{name}`]({name}.md)", summary, "; ".join(figures) or "nothing yet"])
    table = card_text.table(["card", "network", "best UA measured, %"], lines).replace("---:", "---")
    return (
        "# Model cards\n\n"
        "A card for each bundled architecture, with the results measured so far. `python research/cards.py` renders "
        "this folder from [`emozoo/results.csv`](../emozoo/results.csv) and the plugins; do not edit it by hand. "
        "[docs/results.md](../docs/results.md) says how the results were measured, and why published ones are higher.\n\n"
        f"{table}\n"
    )


def speech() -> str:
    """The card of the bundled model."""
    config = from_json(SpeechConfig, json.loads((SPEECH.parent / CONFIG).read_text(encoding="utf-8")))
    provenance = read_provenance(SPEECH.parent)
    assert provenance is not None
    front = {
        "license": "cc-by-nc-sa-4.0",
        "library_name": "emozoo",
        "pipeline_tag": "audio-classification",
        "language": ["en", "de", "pl", "am"],
        "tags": ["emozoo", config.architecture, "audio", "speech-emotion-recognition"],
    }
    with open(ROOT / "results" / "calibration.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == METHOD]
    elsewhere = {row["corpus"]: row for row in rows if row["tested_on"] == "unseen corpus"}
    text = SPEECH_TEXT.format(
        labels=", ".join(config.label2id),
        members=config.architecture_config["members"],
        recordings=f"{len(provenance.train.clips):,}",
        table=speech_results(rows),
        temperature=round(config.calibration["temperature"], 2),
        errors=_range([row["calibration_error"] for row in elsewhere.values()]),
        held=_range([row["coverage"] for row in elsewhere.values()]),
        purpose=purpose("the results above are for unseen speakers.", calibrated=True),
    )
    return f"---\n{dump_front_matter(front)}\n---\n\n{text}"


def _range(shares: list[str]) -> str:
    return f"{percent(float(min(shares)))} to {percent(float(max(shares)))} %"


def speech_results(rows: list[dict[str, str]]) -> str:
    """UA on each corpus, a row for each."""
    cells = {(row["corpus"], row["tested_on"]): row for row in rows}
    lines = [
        [name, *(_ua(cells[corpus, tested_on]) for tested_on in ("unseen speakers", "unseen corpus"))]
        for corpus, name in CORPORA.items()
    ]
    return card_text.table(["corpus", "unseen speakers", "unseen corpus and language"], lines)


def _ua(row: dict[str, str]) -> str:
    """With its interval."""
    ua, low, high = (percent(float(row[name])) for name in ("ua", "ua_low", "ua_high"))
    return f"{ua} ({low} to {high})"


def pages() -> dict[str, str]:
    """Every file of cards/ and its text."""
    return {INDEX: index(), **{f"{name}.md": render(name) for name in names()}}


if __name__ == "__main__":
    for file, text in pages().items():
        (CARDS / file).write_text(text, encoding="utf-8")
    SPEECH.write_text(speech(), encoding="utf-8")
