"""The model card: README.md of a checkpoint folder, from what the run recorded in config.json and metrics.json.

Only the block between two marks, and the keys of the front matter that emozoo knows, are emozoo's; what a person wrote
elsewhere survives every write. Here is the file: its front matter and its marks. What the block says is
`emozoo.publishing.card_text`'.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.foreign import own_config
from emozoo.checkpoint.results import Score, Summary
from emozoo.checkpoint.run import RunRecord, read_record, read_summary
from emozoo.checkpoint.whole import WholeRun, find_whole, is_several, read_whole
from emozoo.errors import EmozooError
from emozoo.filenames import CONFUSION, CURVES, METRICS, README, RISK
from emozoo.paths import user_path, write_text
from emozoo.publishing.card_merge import (
    NOTE,
    OWN,
    RESULTS,
    TASK,
    Note,
    compose,
    digest,
    merge,
    own_results,
    read_note,
    words_of,
)
from emozoo.publishing.card_results import Facts, is_private
from emozoo.publishing.card_text import body
from emozoo.publishing.card_whole import whole_scores

log = logging.getLogger("emozoo")
BEGIN = "<!-- emozoo: begin -->"
END = "<!-- emozoo: end -->"
PIPELINE_TAGS = {("audio",): "audio-classification", ("audio", "video"): "video-classification"}
"""The Hub's name of the task, by what a model takes."""
FRONT_MATTER = (
    *("license", "license_name", "language", "library_name", "pipeline_tag", "tags", "base_model"),
    *("base_model_relation", "datasets", "metrics", "emozoo", "model-index"),
)
"""The keys of which emozoo knows something, in their order."""
CC_LICENCES = {
    *(f"cc-by-{version}" for version in ("2.0", "2.5", "3.0", "4.0")),
    *(f"cc-by-{terms}-{version}" for terms in ("sa", "nc-nd") for version in ("3.0", "4.0")),
    *(f"cc-by-{terms}-{version}" for terms in ("nc", "nc-sa") for version in ("2.0", "3.0", "4.0")),
    "cc-by-nd-4.0",
}
"""The Creative Commons licences with conditions that the Hub knows."""
HUB_LICENCES = CC_LICENCES | {"apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "gpl-3.0", "mit", "openrail"}
"""Those that models for speech on the Hub mostly have; others are told by name."""


def render_card(
    folder: str | Path,
    *,
    repo_id: str | None = None,
    existing: str | None = None,
    home: Path | None = None,
    on_the_hub: str | None = None,
    push: bool = False,
) -> str:
    """The text of README.md.

    `repo_id`: the `user/name` that its examples load; left out, that of the card which is there, or a placeholder.
    `existing`: a card whose own words are kept; left out, README.md of the folder, or of its `home` where that is another,
    where there is one. `on_the_hub`: another,
    whose words are merged with those. `push`: whether the card is about to be pushed, which it notes. What a person wrote
    and emozoo would write otherwise, and what cannot be kept, is told as a warning. Raises EmozooError for a folder that is
    no checkpoint, damaged results, and a card whose front matter or marks cannot be read.
    """
    shown, folder = str(folder), user_path(folder)
    where = f"{(home or folder) / README}"
    card = split_card(_read(Path(where)) if existing is None else existing, where)
    note, words = read_note(card[2]), words_of(*card)
    told: list[str] = []
    other = card
    if on_the_hub is not None:
        other = split_card(on_the_hub, f"{repo_id}/{README}")
        words, told = merge(words, words_of(*other), note.pushed if note else None)
    config, record, whole = _subject(folder, shown)
    figures = tuple(name for name in (CONFUSION, CURVES, RISK) if (folder / name).is_file())
    try:
        repo_id = repo_id or _repo_id_in(card[2]) or f"your-name/{model_name(config, record)}"
        facts = Facts(config, record, repo_id, figures, _summary(folder, record), whole)
        block = body(facts).replace("<!-- emozoo:", "<!-- emozoo :")
        fresh = _front_matter(facts)
        front, more = compose(fresh, words)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EmozooError(f"{folder / METRICS} is damaged: it does not hold a run's results ({error!r})") from error
    told += more + _lost(card[0], card[2], fresh) + _lost(other[0], other[2], fresh)
    for sentence in dict.fromkeys(told):
        log.warning("%s: %s", where, sentence)
    mine = {key: value for key, value in fresh.items() if key not in (OWN, RESULTS)}
    pushed = words.digests() if push else note.pushed if note else None
    noted = Note(mine, digest(own_results(fresh.get(RESULTS))), digest(block.strip()), pushed).line()
    return f"---\n{dump_front_matter(front)}\n---\n{words.before}{BEGIN}\n{block}\n\n{noted}\n{END}{words.after}"


def _lost(data: dict[str, Any], block: str, fresh: dict[str, Any]) -> list[str]:
    """A sentence for each of emozoo's own things that somebody changed by hand, and that is written anew."""
    note, told = read_note(block), []
    if note is None:
        return []
    if digest(NOTE.sub("", block).strip()) != note.block:
        told.append(f"what was changed between its marks is written anew: write before {BEGIN} or after {END}")
    found = own_results(data.get(RESULTS))
    if digest(found) != note.results and found != own_results(fresh.get(RESULTS)):
        told.append("results that emozoo measured were changed: they are those of metrics.json again")
    return told


def write_card(folder: str | Path, *, repo_id: str | None = None) -> Path:
    """Writes README.md and returns its path; see `render_card`."""
    write_text(user_path(folder) / README, render_card(folder, repo_id=repo_id))
    return Path(folder, README)


def model_name(config: CheckpointConfig, record: RunRecord | None) -> str:
    """A name for a model that has none: `cnn_rnn-ravdess`."""
    return f"{config.architecture}-{record.data.dataset}" if record else config.architecture


def weights_license(licence: str) -> tuple[str, str | None]:
    """What the Hub calls the licence of weights that were trained on data under `licence`, and a name where that is `other`.

    Data that ask for nothing leave the weights under emozoo's own Apache License 2.0; conditions are handed on.
    """
    if not licence.strip():
        return "other", "unknown"
    words = re.sub(r"[\s_-]+", "-", licence.strip().lower())
    if found := re.match(r"cc-(by(?:-(?:nc|sa|nd))*)-(\d\.\d)\b", words):
        name = f"cc-{found[1]}-{found[2]}"
        return (name, None) if name in CC_LICENCES else ("other", name)
    if re.match(r"(cc0|public-domain|apache|mit\b|bsd)", words):
        return "apache-2.0", None
    return "other", re.sub(r"[^a-z0-9.-]", "", words.split(":")[0]).strip("-.") or "unknown"


def source_license(licence: str | None) -> tuple[str, str | None]:
    """`license` and `license_name` of weights that another card puts under a licence: the same."""
    words = re.sub(r"[^a-z0-9.-]", "", (licence or "").strip().lower())
    return (words, None) if words in HUB_LICENCES else ("other", words or "unknown")


def eval_results(
    scores: Iterable[Score], *, dataset: str, protocol: str, video: bool, details: dict[str, Any] | None = None
) -> list[Any]:
    """Scores that are defined, as huggingface_hub.EvalResult. `details`: of the split, such as its fold."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=PIPELINE_TAGS[("audio", "video") if video else ("audio",)],
            task_name=TASK,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_config=protocol,
            dataset_split="test",
            dataset_args={"protocol": protocol, **(details or {})},
            metric_type=score.kind,
            metric_name=score.name,
            metric_value=round(score.value, 4),
            metric_args={"average": score.average} if score.average else None,
        )
        for score in scores
        if score.value is not None
    ]


def _subject(folder: Path, shown: str) -> tuple[CheckpointConfig, RunRecord | None, WholeRun | None]:
    """What a card is of: the model in a folder with the record of its training, or all folds of a run."""
    if is_several(folder):
        whole = read_whole(folder, shown)
        config = own_config(whole.places[0], shown)
        return dataclasses.replace(config, members=len(whole.places), calibration=None), whole.together, whole
    config = own_config(folder, shown)
    if config.members > 1 and (found := find_whole(folder, shown)):
        return config, found.together, found
    return config, read_record(folder), None


def _front_matter(facts: Facts) -> dict[str, Any]:
    """The front matter as emozoo knows it."""
    from huggingface_hub import ModelCardData

    config, record, whole = facts.config, facts.record, facts.whole
    known: dict[str, Any] = {"library_name": "emozoo", "pipeline_tag": PIPELINE_TAGS[config.modalities]}
    known["tags"] = ["emozoo", config.architecture, *config.modalities, "speech-emotion-recognition"]
    known[OWN] = {"architecture": config.architecture, "labels": list(config.outputs.names)}
    start = (record.training.start if record else None) or ""
    # Of a model that was fine-tuned, the conditions of the first training hold, too, and nobody has recorded those.
    known["license"], known["license_name"] = weights_license(record.data.licence if record and not start else "")
    if source := config.source:
        known["license"], known["license_name"] = source_license(source.licence)
        known["base_model"] = source.repository
        known["datasets"] = list(source.datasets) or None
    if start.startswith("hub:"):
        known |= {"base_model": start.removeprefix("hub:").partition("@")[0], "base_model_relation": "finetune"}
    if record:
        data = record.data
        languages = data.language.replace(",", " ").split()
        known["language"] = (languages if len(languages) > 1 else data.language) or None
        known["datasets"] = None if is_private(data) else [data.dataset]
        known["metrics"] = list(dict.fromkeys(score.kind for score in record.test.scores if score.value is not None))
        known["model_name"] = model_name(config, record)
        known["eval_results"] = eval_results(
            whole_scores(whole) if whole else record.test.scores,
            dataset=data.dataset,
            protocol=data.protocol,
            video=config.video,
            details={
                "fold": "all" if whole and whole.several else data.fold,
                "folds": data.folds,
                "speaker_disjoint": data.speaker_disjoint,
            },
        )
    return ModelCardData(**known).to_dict()


def dump_front_matter(values: dict[str, Any]) -> str:
    """YAML, emozoo's keys first."""
    import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

    ordered = {key: values[key] for key in (*FRONT_MATTER, *values) if key in values}
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=10_000).strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as error:
        raise EmozooError(f"{path} cannot be read as UTF-8 text: rename it, and a new card is written") from error


def split_card(card: str, where: str) -> tuple[dict[str, Any], str, str, str]:
    """A card's front matter, what stands before emozoo's block, the block, and what stands behind it."""
    import yaml  # type: ignore[import-untyped]

    data: Any = {}
    text = card
    if found := re.match(r"\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", card, re.DOTALL | re.MULTILINE):
        try:
            data = yaml.safe_load(found[1]) or {}
        except yaml.YAMLError as error:
            raise EmozooError(f"{where}: the front matter is no YAML: correct it, or remove the file") from error
        if not isinstance(data, dict):
            raise EmozooError(f"{where}: the front matter is not a list of keys: correct it, or remove the file")
        text = card[found.end() :]
    if text.count(BEGIN) != text.count(END) or text.count(BEGIN) > 1 or text.find(BEGIN) > text.find(END):
        raise EmozooError(
            f'{where}: emozoo writes between "{BEGIN}" and "{END}", and they do not stand there once each, in this '
            "order: restore them, or remove both"
        )
    if BEGIN not in text:
        return data, f"{text.rstrip()}\n\n" if text.strip() else "\n", "", "\n"
    before, _, rest = text.partition(BEGIN)
    block, _, after = rest.partition(END)
    return data, before, block, after


def _summary(folder: Path, record: RunRecord | None) -> Summary | None:
    """What all folds of the run gave, for a folder that is one of them."""
    folder = folder.resolve()
    if record is None or folder.name != f"fold{record.data.fold}":
        return None
    return read_summary(folder.parent)


def _repo_id_in(block: str) -> str | None:
    found = re.search(r"--model hub:([\w.-]+/[\w.-]+)", block)
    return found[1] if found else None
