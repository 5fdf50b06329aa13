"""How a study looks on the terminal when it is over."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.table import Table

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.cli.scores import in_short
from emozoo.cli.seeds_table import scores_of, scores_over_seeds

if TYPE_CHECKING:
    from emozoo.training.study import CellResult


def show_study(folder: str, results: Sequence[CellResult]) -> None:
    """A row for each training: mean and deviation over its seeds, or else its folds; notes; and how to compare them."""
    scores = {each.run: _scores(each) for each in results}
    headings = list(dict.fromkeys(name for own in scores.values() for name in own))
    table = Table(title=f"Test results of the trainings in {folder}", title_justify="left")
    table.add_column("training", overflow="fold")
    for name in ("over", *headings):
        table.add_column(name, justify="right")
    for each in results:
        table.add_row(each.cell.name, _over(each), *(scores[each.run].get(name, "-") for name in headings))
    console.out.print(table)
    for each in results:
        if each.result and not scores[each.run]:
            _show_in_short(each)
    _show_notes(results)
    for runs in _comparable(results):
        console.out.print(f"compare them: emozoo compare {shlex.join(runs)}", soft_wrap=True)


def _scores(each: CellResult) -> dict[str, str]:
    from emozoo.checkpoint.results import Summary

    if each.result is None:
        return {}
    return scores_of(each.result) if isinstance(each.result, Summary) else scores_over_seeds(each.result)


def _over(each: CellResult) -> str:
    """What the mean is over, or why there is none."""
    if each.result is None:
        return each.status
    options = each.cell.options
    if options.seeds:
        return f"{len(options.seeds)} seeds"
    return f"{each.result.folds} folds" if options.fold is None else f"fold {options.fold}"


def _show_in_short(each: CellResult) -> None:
    """A training whose answers are no single words: its own measures, of all test clips."""
    from emozoo.checkpoint.results import Summary

    parts = [each.result] if isinstance(each.result, Summary) else each.result.each if each.result else []
    for number, one in enumerate(parts):
        seeds = each.cell.options.seeds
        name = f"{each.cell.name}, seed {seeds[number]}" if seeds else each.cell.name
        console.out.print(f"{name}: {', '.join(in_short(one.pooled))}", soft_wrap=True)


def _show_notes(results: Sequence[CellResult]) -> None:
    named: dict[str, list[str]] = {}
    for each in results:
        if each.result and each.result.note:
            named.setdefault(each.result.note, []).append(each.cell.name)
    for note, names in named.items():
        whose = "all" if len(names) == len(results) else ", ".join(names)
        console.out.print(styled(f"{whose}: {note}", "bold yellow"), soft_wrap=True)


def _comparable(results: Sequence[CellResult]) -> list[list[str]]:
    """The folders of finished runs, in groups of two or more that were tested on the same clips."""
    groups: dict[str, list[str]] = {}
    for each in results:
        options = each.cell.options
        if each.result is None:
            continue
        data = replace(
            options, architecture="", settings={}, seed=0, seeds=None, split_seed=options.folds_seed, precision="",
            start=None, crop=None, denoise=False, dev=True, train_speakers=None,
        )  # fmt: skip
        runs = [f"{each.run}/seed{seed}" for seed in options.seeds] if options.seeds else [each.run]
        groups.setdefault(repr(data), []).extend(runs)
    return [runs for runs in groups.values() if len(runs) > 1]
