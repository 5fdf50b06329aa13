"""What there is to know about an architecture, a dataset or a checkpoint, as one JSON-able document."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config import CheckpointConfig
from emozoo.checkpoint.foreign import GRAPH, checkpoint_config
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.named import folder_of, leads_to, offered
from emozoo.checkpoint.run import Outcome, read_outcome
from emozoo.checkpoint.whole import find_summary, is_several
from emozoo.data.download import Download
from emozoo.data.loading import get_corpus
from emozoo.errors import EmozooError
from emozoo.filenames import METRICS, ONNX, SUMMARY
from emozoo.hub.files import address_of
from emozoo.hub.reference import is_reference
from emozoo.inference.calibration import sentence_of
from emozoo.inspection.describe_run import by_seed, describe_run, over_folds
from emozoo.inspection.measured import measured_results
from emozoo.paths import user_path
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, find, installed
from emozoo.registry.loading import get_architecture


def describe(name: str) -> dict[str, Any]:
    """An architecture, a dataset, a run over all folds, or a checkpoint: a bundled or a plugin's model, a run's folder or
    `hub:user/name[@revision]`.

    Raises EmozooError, with near names, for none of them."""
    for group, tell in ((ARCHITECTURES, _architecture), (DATASETS, _dataset)):
        if any(plugin.name == name for plugin in installed(group)):
            return tell(name)
    place = leads_to(name)
    if is_reference(place):
        folder = resolve(place, weights=False, extra=(METRICS, SUMMARY))
        return {**describe_checkpoint(folder, name), **_as_shipped(name), **address_of(place, folder)}
    if own := folder_of(name):
        return {**describe_checkpoint(own, name), **_as_shipped(name)}
    if is_several(folder := user_path(name)):
        return describe_run(folder, name)
    if folder.is_dir():
        return describe_checkpoint(folder, name)
    try:
        find(ARCHITECTURES, name)
    except EmozooError as error:
        raise EmozooError(f"{error}; nor is it a dataset, a bundled model, a run's folder or hub:user/name") from None
    raise AssertionError(name)


def _as_shipped(name: str) -> dict[str, Any]:
    """What the plugin says of a model that it ships; nothing for another model."""
    found = offered(name)
    if found is None:
        return {}
    model, plugin = found
    scores = [dataclasses.asdict(score) for score in model.scores]
    told = {
        "summary": model.summary,
        "licence": model.licence,
        "corpora": list(model.corpora),
        "languages": list(model.languages),
    }
    return {
        "shipped_by": plugin.origin,
        **{key: value for key, value in told.items() if value},
        "scores_of_authors": scores,
    }


def _architecture(name: str) -> dict[str, Any]:
    plugin = find(ARCHITECTURES, name)
    architecture = get_architecture(name)
    layers = layer_table(architecture)
    results = [_measured(row) for row in measured_results() if row["architecture"] == name]
    return {
        "name": name,
        "kind": "architecture",
        "summary": architecture.summary,
        "distribution": plugin.origin,
        "modalities": list(architecture.modalities),
        "optional_modalities": list(architecture.optional_modalities),
        "parameters": sum(layer["parameters"] for layer in layers),
        "layers": layers,
        "config": dataclasses.asdict(architecture.config()),
        "recipe": dataclasses.asdict(architecture.recipe),
        "published_results": list(architecture.published),
        "measured_results": results,
        "citation": architecture.citation,
    }


def _measured(row: dict[str, str]) -> dict[str, Any]:
    """A row of results.csv with all that tells it from others; its figures are means over the folds, shares from 0 to 1."""
    told = {key: row[key] for key in ("dataset", "labels", "protocol", "folds", "seed", "epochs")}
    return {**told, "ua_mean": float(row["ua"]), "wa_mean": float(row["wa"]), "command": row["command"]}


TRIED_LABELS = 4
"""Outputs of the network that is described; the number changes its last layer alone."""


def layer_table(architecture: Any) -> list[dict[str, Any]]:
    """Each layer that holds parameters or changes a shape: its name, type, output shape for one clip, parameters."""
    import torch
    from torch import Tensor, nn

    from emozoo.checkpoint.window import window_of

    config = architecture.config()
    network, window = architecture.build(config, TRIED_LABELS).eval(), window_of(architecture, config)
    names = {module: name for name, module in network.named_modules() if name and not list(module.children())}
    rows: list[dict[str, Any]] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        shape = list(first.shape[1:]) if isinstance(first, Tensor) else []
        count = sum(parameter.numel() for parameter in module.parameters())
        rows.append({"layer": names[module], "type": type(module).__name__, "output": shape, "parameters": count})

    for module in names:
        module.register_forward_hook(note)
    sound = torch.zeros(1, window.samples)
    frames = torch.zeros(1, *window.frames, 3, dtype=torch.uint8)
    with torch.inference_mode():
        network(sound, frames) if architecture.video else network(sound)
    counted = {row["layer"] for row in rows}
    for layer, parameter in network.named_parameters():  # parameters of modules that hold others, too
        if layer.rpartition(".")[0] not in counted:
            rows.append(
                {"layer": layer, "type": "Parameter", "output": list(parameter.shape), "parameters": parameter.numel()}
            )
    return rows


def _dataset(name: str) -> dict[str, Any]:
    corpus = get_corpus(name)
    return {
        "name": name,
        "kind": "dataset",
        "summary": corpus.summary,
        "distribution": find(DATASETS, name).origin,
        "labels": list(corpus.labels) or "those of its rows",
        "protocol": corpus.protocol,
        "language": corpus.language,
        "licence": corpus.licence,
        "obtain": corpus.obtain,
        "environment": corpus.environment,
        "citation": corpus.citation,
        **({"download": describe_download(corpus.download)} if corpus.download else {}),
    }


def describe_download(download: Download) -> dict[str, Any]:
    """From where `emozoo fetch` brings a corpus, and on which terms; `size` is in bytes, 0 where it is unknown."""
    return {
        "page": download.page,
        "licence": download.licence,
        "terms": download.terms,
        "commercial": download.commercial,
        "size": sum(each.size or 0 for each in download.files) or download.size,
    }


def describe_checkpoint(folder: Path, name: str) -> dict[str, Any]:
    """What config.json and metrics.json of a checkpoint say; `name` is what it is called. Raises EmozooError."""
    config = checkpoint_config(folder, name)
    document = {
        "name": name,
        "kind": "checkpoint",
        "architecture": config.architecture,
        "distribution": f"{config.plugin.distribution} {config.plugin.version}",
        "target": config.target,
        "labels": list(config.outputs.names),
        **({"scale": [config.outputs.scale.low, config.outputs.scale.high]} if config.outputs.scale else {}),
        "window": config.window.seconds,
        "hop": config.window.hop,
        **({"members": config.members} if config.members > 1 else {}),
        **_origin(config),
        "config": config.architecture_config,
        "preparation": config.preparation.to_config(),
        "voices": "computed ones only: it knows nothing of real voices" if config.synthetic else "",
        "calibrated": "no" if config.architecture == GRAPH else sentence_of(config.calibration),
        "exported": [ONNX] if (folder / ONNX).is_file() else [],
    }
    if config.members > 1 and (known := find_summary(folder)):
        summary, seeds = known
        document["results"] = "of the single networks of its folds, not of the ensemble, which was not measured"
        return {**document, "note": summary.note, **over_folds(summary), **(by_seed(seeds) if seeds else {})}
    outcome = read_outcome(folder, name)
    return document | _results(outcome) if outcome else document


def _origin(config: CheckpointConfig) -> dict[str, Any]:
    """What is known of the checkpoint of another library that the model was read from."""
    source = config.source
    if source is None:
        return {}
    return {
        "read_from": source.reference,
        "reader": source.reader,
        "labels_of_source": dict(zip(source.labels, config.outputs.names, strict=True)),
        "licence": source.licence,
        "corpora": list(source.datasets),
    }


def _results(outcome: Outcome) -> dict[str, Any]:
    return {
        "trained_on": f"{outcome.dataset}, {outcome.protocol} fold {outcome.fold} of {outcome.folds}, "
        f"test: {outcome.fold_name}",
        "fine_tuned_from": outcome.start,
        "test_results": {**_scores(outcome), "clips": outcome.count},
        "note": outcome.note,
        "recipe": outcome.recipe,
    }


def _scores(outcome: Outcome) -> dict[str, float]:
    """Those that the model has, by name."""
    found = {name: getattr(outcome, name) for name in ("wa", "ua", "macro_f1")}
    if outcome.votes:
        found |= {"divergence": outcome.votes.divergence, "any_rater": outcome.votes.any_rater}
    if outcome.several:
        found |= {"macro_f1": outcome.several.macro_f1, "micro_f1": outcome.several.micro_f1}
    found |= {f"ccc_{each.name}": each.ccc for each in outcome.dimensions}
    return {name: round(score, 4) for name, score in found.items() if score is not None}
