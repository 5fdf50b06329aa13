"""The model card: README.md of a checkpoint folder, from what the run recorded in config.json and metrics.json.

Only the block between two marks, and the keys of the front matter that emozoo knows, are emozoo's; what a person wrote
elsewhere survives every write. Here is the file: its front matter and its marks. What the block says is `emozoo.card_text`'.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from emozoo.card_text import Facts, body
from emozoo.checkpoint import read_config
from emozoo.errors import EmozooError
from emozoo.paths import write_text
from emozoo.run import METRICS, SUMMARY, read_metrics

README = "README.md"
BEGIN, END = "<!-- emozoo: begin -->", "<!-- emozoo: end -->"
PIPELINE_TAGS = {("audio",): "audio-classification", ("audio", "video"): "video-classification"}
METRIC_IDS = {"wa": ("accuracy", "WA"), "ua": ("recall", "UA"), "macro_f1": ("f1", "macro F1")}
"""As the Hub names them: UA is recall, and F1 is f1, with the average "macro"."""
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


def render_card(folder: Path, *, repo_id: str | None = None, existing: str | None = None) -> str:
    """The text of README.md.

    `repo_id`: the `user/name` that its examples load; left out, that of the card which is there, or a placeholder.
    `existing`: a card whose own words are kept; left out, the folder's README.md where there is one. Raises EmozooError for
    a folder that is no checkpoint, damaged results, and a card whose front matter or marks cannot be read.
    """
    if existing is None:
        existing = _read(folder / README)
    data, before, old, after = split_card(existing, f"{folder / README}")
    config, metrics = read_config(folder), read_metrics(folder)
    pictures = tuple(name for name in ("confusion_matrix.png", "training_curves.png") if (folder / name).is_file())
    try:
        repo_id = repo_id or _repo_id_in(old) or f"your-name/{model_name(config, metrics)}"
        block = body(Facts(config, metrics, repo_id, pictures, _summary(folder, metrics))).replace(
            "<!-- emozoo:", "<!-- emozoo :"
        )
        front = _front_matter(config, metrics, data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EmozooError(f"{folder / METRICS} is damaged: it does not hold a run's results ({error!r})") from error
    return f"---\n{front}\n---\n{before}{BEGIN}\n{block}\n{END}{after}"


def write_card(folder: Path, *, repo_id: str | None = None) -> Path:
    """Writes README.md and returns its path; see `render_card`."""
    write_text(folder / README, render_card(folder, repo_id=repo_id))
    return folder / README


def model_name(config: dict[str, Any], metrics: dict[str, Any] | None) -> str:
    """A name for a model that has none: `cnn_rnn-ravdess`."""
    return f"{config['architecture']}-{metrics['data']['dataset']}" if metrics else config["architecture"]


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


def eval_results(
    scores: dict[str, float], *, dataset: str, protocol: str, video: bool, details: dict[str, Any] | None = None
) -> list[Any]:
    """WA, UA and macro F1 as huggingface_hub.EvalResult. `details`: of the split, such as its fold."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=PIPELINE_TAGS[("audio", "video") if video else ("audio",)],
            task_name="Speech emotion recognition",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_config=protocol,
            dataset_split="test",
            dataset_args={"protocol": protocol, **(details or {})},
            metric_type=kind,
            metric_name=name,
            metric_value=round(scores[key], 4),
            metric_args=None if key == "wa" else {"average": "macro"},
        )
        for key, (kind, name) in METRIC_IDS.items()
    ]


def _front_matter(config: dict[str, Any], metrics: dict[str, Any] | None, kept: dict[str, Any]) -> str:
    """YAML: what emozoo knows, then what a person added. A key of which emozoo knows nothing stays as the person has it."""
    from huggingface_hub import ModelCardData

    modalities = ("audio", "video") if "video" in config.get("modalities", ()) else ("audio",)
    tags = ["emozoo", config["architecture"], *modalities, "speech-emotion-recognition"]
    known: dict[str, Any] = {"library_name": "emozoo", "pipeline_tag": PIPELINE_TAGS[modalities]}
    known["emozoo"] = {"architecture": config["architecture"], "labels": list(config["label2id"])}
    start = (metrics["training"].get("start") if metrics else None) or ""
    # Of a model that was fine-tuned, the conditions of the first training hold, too, and nobody has recorded those.
    licence, licence_name = weights_license(metrics["data"]["licence"] if metrics and not start else "")
    if licence_name != "unknown" or "license" not in kept:
        known |= {"license": licence, "license_name": licence_name}
    if start.startswith("hub:"):
        known |= {"base_model": start.removeprefix("hub:").partition("@")[0], "base_model_relation": "finetune"}
    if metrics:
        data = metrics["data"]
        languages = data["language"].replace(",", " ").split()
        known["language"] = (languages if len(languages) > 1 else data["language"]) or kept.get("language")
        known["datasets"] = [data["dataset"]] if data["dataset"] != "manifest" else kept.get("datasets")
        known["metrics"] = [kind for kind, _ in METRIC_IDS.values()]
        known["model_name"] = model_name(config, metrics)
        known["eval_results"] = eval_results(
            metrics["test"],
            dataset=data["dataset"],
            protocol=data["protocol"],
            video="video" in modalities,
            details={"fold": data["fold"], "folds": data["folds"], "speaker_disjoint": data["speaker_disjoint"]},
        )
    else:
        kept = {key: value for key, value in kept.items() if key not in ("metrics", "model-index")}
    known["tags"] = tags + [tag for tag in _list(kept.get("tags")) if tag not in tags]
    mine = ModelCardData(**known).to_dict()
    if known.get("license") and not known["license_name"]:
        kept = {key: value for key, value in kept.items() if key not in ("license_name", "license_link")}
    return dump_front_matter({**mine, **{key: value for key, value in kept.items() if key not in mine}})


def dump_front_matter(values: dict[str, Any]) -> str:
    """YAML, emozoo's keys first."""
    import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

    ordered = {key: values[key] for key in (*FRONT_MATTER, *values) if key in values}
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=10_000).strip()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


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


def _summary(folder: Path, metrics: dict[str, Any] | None) -> dict[str, Any] | None:
    """What all folds of the run gave, for a folder that is one of them."""
    folder = folder.resolve()
    if metrics is None or folder.name != f"fold{metrics['data']['fold']}":
        return None
    try:
        return json.loads((folder.parent / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not all folds are finished
        return None


def _repo_id_in(block: str) -> str | None:
    found = re.search(r"--model hub:([\w.-]+/[\w.-]+)", block)
    return found[1] if found else None
