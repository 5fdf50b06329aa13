"""How a run over several random seeds looks on the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.cli.scores import in_short, spread_heading, spread_words
from emozoo.text import number, percent

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Spread, Summary
    from emozoo.checkpoint.seeds import SeedsSummary


def show_seeds(folder: str, summary: SeedsSummary) -> None:
    """The scores of each seed, their mean and deviation, and the pooled scores of each seed."""
    spreads = summary.each[0].spreads
    own = "mean of its folds ± deviation" if summary.folds > 1 else "its fold"
    if spreads:
        table = Table(title=f"Test results of each seed: {own}", title_justify="left")
        for name in ("seed", *map(spread_heading, spreads)):
            table.add_column(name, justify="right")
        for seed, one in zip(summary.seeds, summary.each, strict=True):
            table.add_row(str(seed), *scores_of(one).values())
        table.add_section()
        table.add_row("all", *scores_over_seeds(summary).values())
        console.out.print(table)
        console.out.print(f"all: {summary.words}", soft_wrap=True)
    if summary.folds > 1:
        for seed, one in zip(summary.seeds, summary.each, strict=True):
            pooled = f"pooled, the test clips of its {summary.folds} folds together"
            console.out.print(f"seed {seed}, {pooled}: {', '.join(in_short(one.pooled))}", soft_wrap=True)
    if summary.note:
        console.out.print(styled(summary.note, "bold yellow"), soft_wrap=True)
    runs = " ".join(f"{folder}/seed{seed}" for seed in summary.seeds)
    if len(summary.seeds) > 1:
        console.out.print(f"compare them: emozoo compare {runs}", soft_wrap=True)


def scores_of(one: Summary) -> dict[str, str]:
    """The scores of a run by their heading, with their deviation where it has several folds."""
    cells = spread_words if one.folds > 1 else _mean
    return {spread_heading(spread): cells(spread) for spread in one.spreads}


def scores_over_seeds(summary: SeedsSummary) -> dict[str, str]:
    """Mean and deviation of each score over the seeds, by its heading."""
    return {
        spread_heading(spread): spread_words(replace(spread, mean=each.mean, std=each.std))
        for spread, each in zip(summary.each[0].spreads, summary.over_seeds, strict=True)
    }


def _mean(spread: Spread) -> str:
    return percent(spread.mean) if spread.share else number(spread.mean)
