"""The words of a model card, section by section, in Markdown. Files, front matter and marks are
`emozoo.publishing.card`'s."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emozoo.architecture import Architecture
from emozoo.checkpoint.results import SetMetrics
from emozoo.checkpoint.run import RunRecord
from emozoo.errors import EmozooError
from emozoo.filenames import RISK
from emozoo.publishing.card_groups import by_group
from emozoo.publishing.card_results import Facts, dataset_words, fold_words, results, table
from emozoo.publishing.card_whole import whole_data, whole_recipe, whole_results
from emozoo.registry.entry_points import ARCHITECTURES, find
from emozoo.registry.loading import get_architecture
from emozoo.target import VOTES, Outputs
from emozoo.text import percent


def body(facts: Facts) -> str:
    """Everything between the marks."""
    architecture = _architecture(facts.config.architecture)
    sections = (
        _opening(facts, architecture),
        purpose(_speakers(facts.record), calibrated=facts.config.calibration is not None),
        _running(facts),
        _training_data(facts),
        _recipe(facts),
        whole_results(facts, facts.whole) if facts.whole else results(facts),
        by_group(facts),
        _confidence(facts),
        network_section(architecture) if architecture else "",
        _versions(facts),
        _citation(facts, architecture),
    )
    return "\n\n".join(section for section in sections if section)


def _architecture(name: str) -> Architecture | None:
    """None for one that is not installed here, or is broken: the card goes without its words."""
    try:
        return get_architecture(name)
    except EmozooError:
        return None


def _opening(facts: Facts, architecture: Architecture | None) -> str:
    name = facts.config.architecture
    data = f", trained on {dataset_words(facts.record.data)}" if facts.record else ""
    what = "audio and video" if facts.config.video else "audio"
    summary = f"{architecture.summary}. " if architecture and architecture.summary else ""
    window = facts.config.window
    every = "one a second" if window.hop == 1 else f"one every {window.hop:g} seconds"
    return (
        f"# {name}: emotion in {'speech and video' if facts.config.video else 'speech'}\n\n"
        f"`{name}` is an architecture of emozoo{data}. {summary}It takes {what}, {window.seconds:g} seconds at a time, and "
        f"{_answers(facts.config.outputs)}. A longer recording is cut into windows, {every}, and gets the mean of their "
        f"answers."
        f"{_prepared(facts)}{_members(facts)}"
    )


def _members(facts: Facts) -> str:
    members = facts.config.members
    if members == 1:
        return ""
    folds = ", one for each fold of a cross-validation" if facts.whole else ""
    return f"\n\nThis model is an ensemble of {members} networks{folds}: its answer is the mean of theirs."


def _printed(outputs: Outputs) -> str:
    """What an example prints of an answer."""
    words = ["answer.emotion", "answer.probabilities"] if outputs.labels else []
    return ", ".join([*words, *(["answer.dimensions"] if outputs.dimensions else [])])


def _answers(outputs: Outputs) -> str:
    """What it answers with."""
    words = ", ".join(outputs.labels)
    found = []
    if outputs.multi:
        found.append(f"says of each of these words whether it fits: **{words}**")
    elif outputs.target.startswith(VOTES):
        found.append(f"says which share of people would choose which word: **{words}**")
    elif outputs.labels:
        found.append(f"tells apart: **{words}**")
    if outputs.dimensions:
        scale = f", rated from {outputs.scale}" if outputs.scale else ""
        found.append(f"answers with values of: **{', '.join(outputs.dimensions)}**{scale}")
    return "; it ".join(found)


def _prepared(facts: Facts) -> str:
    """What is done to a clip first; "" for nothing."""
    needs = facts.config.preparation.needs
    words = " and ".join(what for what, _, _ in needs)
    extras = ",".join(extra for _, _, extra in needs)
    return f" It {words} first, which needs `pip install 'emozoo[{extras}]'`." if needs else ""


def _speakers(record: RunRecord | None) -> str:
    if record is None:
        return "Nothing was measured, so nothing is known about voices that it was not trained on."
    data = record.data
    if data.speaker_disjoint:
        return (
            "The results below are of speakers who are not in the training data. For new voices expect the spread between "
            "speakers, not the mean."
        )
    note = f" ({data.note.rstrip('.')})" if data.note else ""
    return (
        f"The results below are **speaker-dependent**{note}: training knew the speakers, or could have. Expect "
        "considerably worse answers for new voices."
    )


def purpose(speakers: str, *, calibrated: bool = False) -> str:
    """Intended use and limits; `speakers` says what is known about new voices."""
    sureness = "" if calibrated else " Its probabilities are not calibrated."
    return f"""## What it is for, and what it is not for

**For**: research and teaching; comparing networks and ways to split a corpus; exploring recordings whose speakers agreed
to it.

**Not for**: decisions about people, or support for them, in hiring, schooling, policing, health, insurance, at borders or at
work. Inferring emotion is regulated in places: the European Union's AI Act forbids it at work and in education, with few
exceptions.

**Limits**: the network knows how emotion is *portrayed* in its training data; that is not what a person feels. It always
answers, also for music or several voices at once. Other languages, accents, ages, microphones and
rooms than those of the training data make it worse, and not equally for everyone.{sureness}

**Consent**: record and analyse people only with their informed consent, and tell them what is inferred.

**Speakers**: {speakers}"""


def _running(facts: Facts) -> str:
    plugin = facts.config.plugin
    needs = "emozoo" if plugin.distribution == "emozoo" else f"emozoo and its plugin `{plugin.distribution}`"
    clip = "clip.mp4" if facts.config.video else "clip.wav"
    text = f"""## How to run it

With {needs} installed, on the command line:

```sh
emozoo predict {clip} --model hub:{facts.repo_id}
```

In Python:

```python
import emozoo

model = emozoo.load("hub:{facts.repo_id}")
answer = model.predict("{clip}")
print({_printed(facts.config.outputs)})
```

"""
    if facts.config.needs_video:
        return text + "transformers' pipelines cannot run it: they know no task with sound and video."
    only = " (by its sound alone: transformers know no task with sound and video)" if facts.config.video else ""
    return f"""{text}With transformers, without remote code{only}:

```python
import emozoo.integrations.transformers
from emozoo.media.reading import read_audio
from transformers import pipeline

classify = pipeline("audio-classification", model="{facts.repo_id}", top_k=None)
print(classify(read_audio("{clip}")))
```"""


def _training_data(facts: Facts) -> str:
    record, source = facts.record, facts.config.source
    if record is None and source:
        named = f"names {', '.join(f'`{name}`' for name in source.datasets)}" if source.datasets else "names no data"
        return (
            f"## Training data\n\nThe weights are those of `{source.reference}`, which others trained; nothing in them was "
            f"changed. Its card {named}. Its licence, {source.licence or 'which its card does not name'}, holds for them "
            "here, too."
        )
    if record is None:
        return "## Training data\n\nThe training left no record: data and licence are unknown."
    data = record.data
    if facts.whole:
        return whole_data(facts, facts.whole, _conditions(record))
    lines = [
        f"Trained on {dataset_words(data)}"
        + (f", language: {data.language}" if data.language else "")
        + f", split by the protocol `{data.protocol}`: fold {data.fold} of {data.folds}, "
        f"tested on {fold_words(data)}.",
        *_conditions(record),
    ]
    labels = list(data.parts["test"].labels) if facts.config.labels else []  # not the strata of ratings
    rows = [
        [name, part.clips, part.speakers or "unknown", *(part.labels[label] for label in labels)]
        for name, part in data.parts.items()
    ]
    return f"## Training data\n\n{' '.join(lines)}\n\n" + table(["part", "clips", "speakers", *labels], rows)


def _conditions(record: RunRecord) -> list[str]:
    """Sentences on labels taken together, first weights, and licence."""
    data = record.data
    lines = []
    if data.merge:
        merged = ", ".join(f"{source} as {target}" for source, target in data.merge.items())
        lines.append(f"Labels taken together: {merged}.")
    if start := record.training.start:
        lines.append(
            f"The training started from the weights of `{start}`: what is true of that model's data is of these, too."
        )
    lines.append(
        f"Licence of the data: {data.licence}. Where it sets conditions, they hold for these weights, too."
        if data.licence
        else "The licence of the data was not recorded: ask the author of this model before you use it."
    )
    return lines


def _recipe(facts: Facts) -> str:
    settings = settings_table(facts.config.architecture_config, {})
    if facts.record is None:
        return f"## Recipe\n\nThe training left no record. The network's own settings:\n\n{settings}"
    training = facts.record.training
    settings = settings_table(facts.config.architecture_config, training.recipe)
    if facts.whole:
        return whole_recipe(facts.whole, settings)
    precision = "float32" if training.precision == "no" else training.precision
    chosen = "best on the dev split" if facts.record.dev else "last, for the dev split was trained on as well"
    text = (
        f"{training.parameters:,} parameters; seed {training.seed}; the weights are those of epoch "
        f"{training.best_epoch}, the {chosen}. Trained in {training.seconds / 60:,.1f} minutes on "
        f"{training.device}, {precision}."
    )
    return f"## Recipe\n\n{text}\n\n{settings}"


def settings_table(config: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """A network's config and its recipe, as `--set` takes them."""
    rows = [[f"`{name}`", f"`{_setting(value)}`"] for name, value in {**config, **recipe}.items()]
    return table(["setting", "value"], rows)


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _confidence(facts: Facts) -> str:
    """How far the probabilities can be trusted; "" where nothing is known of that."""
    calibration = facts.config.calibration
    measured = facts.record.test.confidence if facts.record else None
    lines = []
    if calibration:
        who = f" of {calibration.speakers} speakers" if calibration.speakers > 1 else ""
        fitted, given = [], []
        if calibration.has_labels:
            fitted.append(f"a temperature of {calibration.temperature:.2f} (Guo et al. 2017) and thresholds")
            given.append("the set of emotions that is to hold the true one")
        if calibration.residuals:
            fitted.append("margins (Lei et al. 2018)")
            given.append("the interval that is to hold people's rating")
        lines.append(
            f"Calibrated on {calibration.clips} clips{who} ({calibration.part}): {', and '.join(fitted)} of split conformal "
            f"prediction, so that `emozoo predict --coverage 0.9` answers with {', and '.join(given)} in 90 % of "
            "cases. That holds for recordings like those; for other speakers, microphones and languages it may not."
        )
    if measured:
        low, high = map(percent, measured.calibration_error_interval)
        lines.append(
            f"On the test clips, the expected calibration error is {percent(measured.calibration_error)} % (95 % interval "
            f"{low} to {high}). Of the surest half of the answers, {percent(measured.risks[4])} % are wrong; of all, "
            f"{percent(measured.risks[-1])} %."
        )
    if measured and facts.record and facts.record.test.sets:
        lines.append(_sets_table(facts.record.test.sets, facts.record.test.labels))
    if RISK in facts.figures:
        lines.append(f"![Share of wrong answers among the surest clips]({RISK})")
    return "\n\n".join(["## Confidence", *lines]) if lines else ""


def _sets_table(sets: Sequence[SetMetrics], labels: Sequence[str]) -> str:
    header = [
        "sets",
        "asked for, %",
        "hold the truth, %",
        "95 % interval",
        "size",
        *(f"{label}, %" for label in labels),
    ]
    rows = [
        [
            each.method.upper(),
            percent(each.asked),
            percent(each.coverage),
            " to ".join(map(percent, each.coverage_interval)),
            f"{each.size:.2f}",
            *map(percent, each.class_coverage),
        ]
        for each in sets
    ]
    return table(header, rows)


def network_section(architecture: Architecture) -> str:
    """The plugin's own paragraph, and what is published about the network."""
    parts = [plugin_paragraph(architecture)]
    if architecture.published:
        parts.append("Published results, by others:\n\n" + "\n".join(f"- {line}" for line in architecture.published))
    text = "\n\n".join(part for part in parts if part)
    return f"## The network\n\n{text}" if text else ""


def plugin_paragraph(architecture: Architecture) -> str:
    """The Markdown file that `Architecture.card` names, beside the plugin's module; "" where there is none."""
    if not architecture.card:
        return ""
    try:
        module = find(ARCHITECTURES, architecture.name).target.partition(":")[0].strip()
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            return ""
        return (Path(spec.origin).parent / architecture.card).read_text(encoding="utf-8").strip()
    except (EmozooError, ImportError, OSError, ValueError):
        return ""


def _versions(facts: Facts) -> str:
    plugin = facts.config.plugin
    found = {
        **(facts.record.training.versions if facts.record else {}),
        plugin.distribution: plugin.version,
    }
    return "## Versions\n\nMade with " + ", ".join(f"{name} {version}" for name, version in found.items()) + "."


def _citation(facts: Facts, architecture: Architecture | None) -> str:
    texts = [architecture.citation if architecture else "", facts.record.data.citation if facts.record else ""]
    return citation_section(texts)


def citation_section(texts: Iterable[str]) -> str:
    """BibTeX in a block, plain references as they are; "" where there is none."""
    found = [f"```bibtex\n{text}\n```" if text.startswith("@") else text for text in map(str.strip, texts) if text]
    return "## Citation\n\n" + "\n\n".join(found) if found else ""
