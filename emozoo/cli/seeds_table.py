"""How a run over several random seeds looks on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.cli.scores import SCORES, deviation, in_short, percentage, plain

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Summary
    from emozoo.training.seeds import SeedSpread, SeedsSummary


def show_seeds(folder: str, summary: SeedsSummary) -> None:
    """The scores of each seed, their mean and deviation, and the pooled scores of each seed."""
    spreads = summary.over_seeds
    own = "mean ± deviation over its folds" if summary.folds > 1 else "its fold"
    if spreads:
        table = Table(title=f"Test results of each seed: {own}", title_justify="left")
        for name in ("seed", *map(_heading, spreads)):
            table.add_column(name, justify="right")
        for seed, one in zip(summary.seeds, summary.each, strict=True):
            table.add_row(str(seed), *scores_of(one).values())
        table.add_section()
        table.add_row("all", *scores_over_seeds(summary).values())
        console.out.print(table)
        console.out.print(f"all: {summary.words}", soft_wrap=True)
    if summary.folds > 1 or not spreads:
        for seed, one in zip(summary.seeds, summary.each, strict=True):
            pooled = f"the test clips of its {summary.folds} folds together" if summary.folds > 1 else "its test clips"
            console.out.print(f"seed {seed}, {pooled}: {', '.join(in_short(one.pooled))}", soft_wrap=True)
    if summary.note:
        console.out.print(styled(summary.note, "bold yellow"), soft_wrap=True)
    runs = " ".join(f"{folder}/seed{seed}" for seed in summary.seeds)
    if len(summary.seeds) > 1:
        console.out.print(f"compare them: emozoo compare {runs}", soft_wrap=True)


def scores_of(one: Summary) -> dict[str, str]:
    """The scores of a run by their heading, with their deviation where it has several folds."""
    found, several = {}, one.folds > 1
    for name, heading in SCORES.items() if one.pooled.labels else ():
        mean, spread = getattr(one, f"{name}_mean"), getattr(one, f"{name}_std")
        found[f"{heading} %"] = f"{percentage(mean)} ± {percentage(spread)}" if several else percentage(mean)
    for each in one.dimensions:
        found[f"CCC {each.name}"] = deviation(each.ccc_mean, each.ccc_std) if several else plain(each.ccc_mean)
    return found


def scores_over_seeds(summary: SeedsSummary) -> dict[str, str]:
    """Mean and deviation of each score over the seeds, by its heading."""
    return {_heading(spread): _spread(spread) for spread in summary.over_seeds}


def _heading(spread: SeedSpread) -> str:
    return f"{SCORES[spread.name]} %" if spread.name in SCORES else spread.name.replace("ccc of", "CCC")


def _spread(spread: SeedSpread) -> str:
    if spread.name in SCORES:
        return f"{percentage(spread.mean)} ± {percentage(spread.std)}"
    return deviation(spread.mean, spread.std)
