"""What there is to know about a run over all folds, or an ensemble that was merged from one: of each fold, their mean, all
clips pooled, and each random seed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emozoo.checkpoint.foreign import checkpoint_config
from emozoo.checkpoint.results import Score, Spread, Summary
from emozoo.checkpoint.run import RunRecord
from emozoo.checkpoint.seeds import SeedsSummary
from emozoo.checkpoint.whole import read_whole, shown_place

NAMES = {
    "WA": "wa",
    "UA": "ua",
    "macro F1": "macro_f1",
    "micro F1": "micro_f1",
    "Jensen-Shannon divergence": "divergence",
    "a rater's word": "any_rater",
}
"""Of scores, in the document."""
NO_MODEL = (
    "no model by itself: name one of its folds, or merge them into an ensemble with emozoo export --merge; emozoo push does "
    "that, too"
)


def describe_run(folder: Path, name: str) -> dict[str, Any]:
    """A run over all folds, or over random seeds. Raises EmozooError for one that is not finished."""
    whole = read_whole(folder, name)
    config = checkpoint_config(whole.places[0], shown_place(whole, 0))
    data, training = whole.together.data, whole.together.training
    return {
        "name": name,
        "kind": "run",
        "architecture": config.architecture,
        "distribution": f"{config.plugin.distribution} {config.plugin.version}",
        "target": config.target,
        "labels": list(config.outputs.names),
        "trained_on": f"{data.dataset}, {data.protocol}, {len(whole.places)} of {data.folds} folds",
        "fine_tuned_from": training.start,
        "model": NO_MODEL,
        "note": data.note,
        "seed": training.seed,
        "by_fold": [_fold(record) for record in whole.records],
        **over_folds(whole.summary),
        **(by_seed(whole.seeds) if whole.seeds else {}),
        "recipe": training.recipe,
    }


def over_folds(summary: Summary) -> dict[str, Any]:
    """The mean of the folds, and all their clips pooled."""
    names = [spread.name for spread in summary.spreads]
    pooled = {score.name: score for score in summary.pooled.scores}
    ends = {name: pooled[name].interval for name in names if name in pooled}
    return {
        "over_folds": [
            {"of": "mean of folds", **_means(summary.spreads)},
            {"of": "deviation of folds", **_deviations(summary.spreads)},
            {"of": "pooled", **{key(name): _rounded(pooled[name].value) for name in ends}},
            {"of": "pooled, 95 % from", **{key(name): _rounded(end and end[0]) for name, end in ends.items()}},
            {"of": "pooled, 95 % to", **{key(name): _rounded(end and end[1]) for name, end in ends.items()}},
        ],
        "interval_over": summary.pooled.interval_over,
    }


def by_seed(seeds: SeedsSummary) -> dict[str, Any]:
    """The mean of the folds of each random seed, and over all seeds."""
    keys = [key(spread.name) for spread in seeds.each[0].spreads]
    rows: list[dict[str, Any]] = [
        {"seed": str(seed), **_means(one.spreads)} for seed, one in zip(seeds.seeds, seeds.each, strict=True)
    ]
    for of in ("mean", "std"):
        values = (_rounded(getattr(spread, of)) for spread in seeds.over_seeds)
        rows.append({"seed": "mean" if of == "mean" else "deviation", **dict(zip(keys, values, strict=True))})
    return {"mean_of_folds_by_seed": rows}


def key(name: str) -> str:
    """A score's name in the document."""
    return NAMES.get(name) or name.replace("CCC of ", "ccc_")


def _fold(record: RunRecord) -> dict[str, Any]:
    test = record.test
    shown = {key(score.name): _rounded(score.value) for score in test.scores if _is_main(score)}
    return {"fold": record.data.fold, "tested_on": record.data.fold_name, "clips": test.answered or test.count, **shown}


def _is_main(score: Score) -> bool:
    return score.name in NAMES or score.name.startswith("CCC of ")


def _means(spreads: Iterable[Spread]) -> dict[str, float | None]:
    return {key(spread.name): _rounded(spread.mean) for spread in spreads}


def _deviations(spreads: Iterable[Spread]) -> dict[str, float | None]:
    return {key(spread.name): _rounded(spread.std) for spread in spreads}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
