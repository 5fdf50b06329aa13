"""What the card of a run over all folds says of its training data, its recipe and its results: figures of the folds, their
mean, and all their test clips pooled; and of what they are not, the ensemble."""

from __future__ import annotations

from dataclasses import replace

from emozoo.checkpoint.results import Score
from emozoo.checkpoint.run import RunRecord
from emozoo.checkpoint.seeds import SeedsSummary
from emozoo.checkpoint.whole import WholeRun
from emozoo.publishing.card_results import (
    Facts,
    classes,
    dataset_words,
    fold_words,
    meanings,
    spread_words,
    table,
)
from emozoo.text import number, percent

CAPTION = "Confusion matrix of the test clips of all folds, pooled"


def whole_data(facts: Facts, whole: WholeRun, conditions: list[str]) -> str:
    """The section on training data; `conditions` are sentences on labels, first weights and licence."""
    data = whole.together.data
    count = len(whole.places)
    some = "" if count == data.folds else f", of which {count} {'was' if count == 1 else 'were'} trained"
    language = f", language: {data.language}" if data.language else ""
    lines = [
        f"Trained on {dataset_words(data)}{language}, split by the protocol `{data.protocol}` into {data.folds} "
        f"folds{some}. Each network was trained without the test clips of its own fold.",
    ]
    if facts.config.members > 1:
        lines.append("The ensemble, as a whole, was trained on the clips of all parts.")
    rows = []
    for record in whole.records:
        parts = record.data.parts
        rows.append(
            [record.data.fold, *(parts[name].clips if name in parts else 0 for name in ("train", "dev", "test"))]
        )
    clips = table(["fold", "train", "dev", "test"], rows)
    return f"## Training data\n\n{' '.join([*lines, *conditions])}\n\nClips of each fold:\n\n{clips}"


def whole_recipe(whole: WholeRun, settings: str) -> str:
    """The section on the recipe; `settings` is its table."""
    together = whole.together.training
    precision = "float32" if together.precision == "no" else together.precision
    dev = all(each.dev for each in whole.records)
    chosen = "best on its dev split" if dev else "last, for the dev split was trained on as well"
    epochs = ", ".join(str(record.training.best_epoch) for record in whole.records)
    text = (
        f"{together.parameters:,} parameters a network; seed {together.seed}; the weights are those of the epochs "
        f"{epochs}, each the {chosen}. All folds were trained in {together.seconds / 60:,.1f} minutes on "
        f"{together.device}, {precision}."
    )
    return f"## Recipe\n\n{text}\n\n{settings}"


def whole_results(facts: Facts, whole: WholeRun) -> str:
    """The section on results."""
    summary, data = whole.summary, whole.together.data
    pooled = summary.pooled
    what = f"Cross-validation over {len(whole.places)} folds" if whole.several else f"Fold {data.fold} of {data.folds}"
    over = "speakers" if pooled.interval_over == "speakers" else "clips, and so tells nothing about other speakers"
    lines = ["## Results"]
    if facts.config.members > 1:
        lines.append(
            "**These are figures of the single networks, not of the ensemble.** Each network was measured on the test clips "
            "of its own fold. The ensemble cannot be measured on these clips, because other networks of it were trained on "
            "them: measure it on other data (`emozoo evaluate --dataset`)."
        )
    lines.append(
        f"{what} (`{data.protocol}`); each network was measured once, after training, on the test clips of its fold. "
        f"{meanings(pooled)}*Mean of folds* is the mean, with the sample standard deviation, of the scores of the folds; "
        f"*pooled* is the score of the {_clips(whole)} test clips of all folds together, and its 95 % interval is a "
        f"bootstrap over {over}."
    )
    if data.note:
        lines.append(f"**{data.note}**")
    lines.append(_folds_table(whole))
    if whole.seeds:
        lines += _seeds(whole.seeds)
    lines += classes(pooled)
    lines += [f"![{CAPTION}]({name})" for name in facts.figures]
    return "\n\n".join(lines)


def _clips(whole: WholeRun) -> int:
    return whole.summary.pooled.answered or whole.summary.pooled.count


def _folds_table(whole: WholeRun) -> str:
    summary = whole.summary
    names = [spread.name for spread in summary.spreads]
    pooled = {score.name: score for score in summary.pooled.scores}
    rows = [
        [f"fold {each.data.fold}", fold_words(each.data), _count(each), *_cells(each.test.scores, names)]
        for each in whole.records
    ]
    rows.append(["**mean of folds**", "", "", *map(spread_words, summary.spreads)])
    rows.append(["**pooled**", "", str(_clips(whole)), *(_value(pooled.get(name)) for name in names)])
    rows.append(["95 % interval, pooled", "", "", *(_interval(pooled.get(name)) for name in names)])
    return table(["", "tested on", "clips", *names], rows)


def _count(record: RunRecord) -> str:
    return str(record.test.answered or record.test.count)


def _cells(scores: tuple[Score, ...], names: list[str]) -> list[str]:
    found = {score.name: score for score in scores}
    return [_value(found.get(name)) for name in names]


def _value(score: Score | None) -> str:
    if score is None or score.value is None:
        return "-"
    return f"{percent(score.value)} %" if score.share else number(score.value)


def _interval(score: Score | None) -> str:
    if score is None or score.interval is None:
        return "-"
    return " to ".join(percent(end) if score.share else number(end) for end in score.interval)


def _seeds(seeds: SeedsSummary) -> list[str]:
    """The scores of each random seed."""
    names = [spread.name for spread in seeds.each[0].spreads]
    rows = [
        [f"seed {seed}", *(spread_words(spread) for spread in one.spreads)]
        for seed, one in zip(seeds.seeds, seeds.each, strict=True)
    ]
    shares = [spread.share for spread in seeds.each[0].spreads]
    over = []
    for spread, share in zip(seeds.over_seeds, shares, strict=True):
        form = percent if share else number
        over.append(f"{form(spread.mean)} ± {form(spread.std)}{' %' if share else ''}")
    rows.append(["**all seeds**", *over])
    text = (
        f"The run has {len(seeds.seeds)} random seeds on the same folds. All else in this card is of seed {seeds.seeds[0]}, "
        f"also the weights. Here is the mean of folds of each seed; *all seeds* is the {seeds.words}."
    )
    return [text, table(["", *names], rows)]


def whole_scores(whole: WholeRun) -> tuple[Score, ...]:
    """The scores of a run's folds for the front matter, each with a word on what it is of."""
    of = f"of {len(whole.places)} folds, single networks"
    if not whole.several:
        return whole.summary.pooled.scores
    pooled = whole.summary.pooled.scores
    means = {spread.name: spread.mean for spread in whole.summary.spreads}
    found = [replace(score, name=f"{score.name}, pooled {of}") for score in pooled]
    found += [
        replace(each, name=f"{each.name}, mean {of}", value=means[each.name]) for each in pooled if each.name in means
    ]
    return tuple(found)
