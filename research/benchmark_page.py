"""Writes docs/benchmark.md, which has each measured result beside published ones: `python research/benchmark_page.py`.

Measured are emozoo/results.csv and the rows of results/corpora.csv with one corpus left out. Published figures, with their
protocols and sources, are in results/references.csv; its column `speakers` says how far the test speakers were kept out:
`independent`, `dependent` (they are in training), `selection` (the epoch was chosen on them), `unknown`.
"""

from __future__ import annotations

import itertools
import re
import statistics
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rows import LEFT_OUT, ROOT, link_of, read, seeds_of, training_of

from results import CSV, place_of, rows, unadapted

PAGE = ROOT / "docs" / "benchmark.md"
REFERENCES = "references.csv"
FOUR = "left_out.csv"
ADAPTED = {
    ("", False): "as it is",
    ("", True): "as it is",
    ("recordings", False): "normalised",
    ("recordings", True): "adapted",
}
"""What is done to the corpus: by the column of that file, and whether it is a network."""
PROTOCOLS = {
    "group-5": "five folds of speakers, each tested once",
    "speaker": "one speaker out, each tested once",
}
MARKS = {
    "dependent": "**speaker-dependent**",
    "selection": "**epoch chosen on the test speakers**",
    "unknown": "not known",
}
"""What stands beside a published figure that is not known to be for unseen speakers."""
TOLD_APART = "independent"
FIGURES = frozenset(("UA %", "WA %", "95 % interval", "figure", "row"))
"""Columns that stand on the right; so do the tasks."""
NO_CORPORA = ("manifest", "toy")
"""Datasets of this package that hold no corpus of people."""


@dataclass(frozen=True)
class Corpus:
    """A corpus as the page names it."""

    title: str
    speakers: int = 0
    """Here; 0: not measured."""
    dataset: str = ""
    """The name of its reader, where it is another."""


CORPORA = {
    "ravdess": Corpus("RAVDESS (acted, English)", 24),
    "emodb": Corpus("EMO-DB (acted, German)", 10, "emo_db"),
    "nemo": Corpus("nEMO (acted, Polish)", 9),
    "ased": Corpus("ASED (acted, Amharic)"),
    "iemocap": Corpus("IEMOCAP (acted dialogues, English)"),
    "crema_d": Corpus("CREMA-D (acted, English)"),
    "meld": Corpus("MELD (television series, English)"),
    "msp_podcast": Corpus("MSP-Podcast (podcasts, English)"),
}

TOP = """\
# Benchmark

Every architecture on every open corpus that was run here, by corpus and protocol, and what others have published.
`python research/benchmark_page.py` writes this page from CSV files; do not edit it by hand.

## How to read it

- **UA** is the mean of the classes' recalls, **WA** accuracy, in %: means over the folds, and over the random seeds
  where there are several. The 95 % interval is that of UA, a bootstrap over the test speakers. WA was kept without one.
- Each measured figure is for speakers who were not trained on. Networks differ in what they were trained on and how
  long, so a table ranks runs, not architectures.
- *row* leads to the line of [`emozoo/results.csv`](../emozoo/results.csv) or
  [`results/corpora.csv`](../results/corpora.csv) that has the run's command (column `command`), commit and hardware.
- [results.md](results.md) says what the recordings are, and how the results came about. EMO-DB is 339 recordings of four
  emotions here: whole for `functionals`, and for the other networks cut or padded to 2 seconds.

## At a glance

UA of each network's run with the most seeds, and of these the best one. A run on one seed may be higher: see
[below](#measured).
"""

PUBLISHED = """\
## Published figures

From [`results/references.csv`](../results/references.csv), which has the sources. They were read there, not measured
here. Compare a figure with another only where *measure* and *protocol* are the same.

Two tables for a corpus: first figures for unseen speakers, beside emozoo's own (bold). Then those that must not be
compared with them: **speaker-dependent** ones, whose test speakers are in training; those whose epoch was chosen on the
test speakers; and those whose protocol is not known. Within a table, they are ranked by their measure.

Of [EmoBox](https://github.com/emo-box/EmoBox), the fold files were checked (commit 08280f2). Its splits of RAVDESS and
IEMOCAP keep speakers apart. Its EMO-DB has all 10 speakers in training and in test, and its CREMA-D all 91.
"""


def table(header: Sequence[str], lines: Iterable[Sequence[str]], figures: Iterable[str] = FIGURES) -> str:
    """A Markdown table; the columns of `figures` stand on the right."""
    sides = ["---:" if name in figures else "---" for name in header]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, sides, *escaped))


def corpus_of(name: str) -> Corpus:
    """One that the page does not know has the name that the CSV gives it."""
    return CORPORA.get(name, Corpus(name))


def clips_of(row: dict[str, str]) -> str:
    speakers = corpus_of(row["dataset"]).speakers
    return f"{int(row['clips']):,} clips" + (f" of {speakers} speakers" if speakers else "")


def cells(figures: Iterable[str]) -> list[str]:
    return [f"{100 * float(figure):.1f}" for figure in figures]


def emotions_of(row: dict[str, str]) -> int:
    return len(row["labels"].split())


def measured() -> str:
    """A table for each corpus, number of emotions and protocol."""
    own = sorted((row for row in rows() if row["protocol"] != LEFT_OUT), key=order_of)
    parts = ["## Measured"]
    for corpus, of_corpus in itertools.groupby(own, key=lambda row: row["dataset"]):
        parts.append(f"### {corpus_of(corpus).title}")
        for (count, protocol, clips), group in itertools.groupby(of_corpus, key=task_of):
            what = f" ({PROTOCOLS[protocol]})" if protocol in PROTOCOLS else ""
            parts.append(f"**{count} emotions, `{protocol}`**{what}: {clips}.")
            parts.append(runs(list(group), str(CSV.relative_to(ROOT)), rows()))
    return "\n\n".join(parts)


def left_out() -> str:
    """The same where one corpus is tested on, and the others are trained on."""
    own = sorted(
        ({**row, "dataset": row["corpus"]} for row in unadapted() if row["protocol"] == LEFT_OUT), key=order_of
    )
    parts = [
        "## One corpus left out",
        "Trained on the other corpora, and tested on all of this one (`--protocol corpus`): another language, other\n"
        "people, another room.",
    ]
    for corpus, group in itertools.groupby(own, key=lambda row: row["dataset"]):
        each = list(group)
        counts = sorted({f"{emotions_of(row)} emotions, {clips_of(row)}" for row in each})
        parts.append(f"### Tested on {corpus_of(corpus).title.partition(' (')[0]} alone")
        parts.append(f"{'; '.join(counts)}.")
        parts.append(runs(each, "results/corpora.csv", read("corpora.csv")))
    return "\n\n".join([*parts, *four_corpora()])


def four_corpora() -> list[str]:
    """Each of four corpora left out: a classic baseline beside the networks, single and as ensembles."""
    path, every = f"results/{FOUR}", read(FOUR)
    corpora = sorted({row["corpus"] for row in every})
    lines = []
    for system, seed, adapted in dict.fromkeys((row["system"], row["seed"], row["adapted"]) for row in every):
        if seed.isdecimal():
            continue  # the mean of the seeds stands for them
        seeds = {row["seed"] for row in every if row["system"] == system and row["seed"].isdecimal()}
        own = {row["corpus"]: row for row in every if tell(row) == (system, seed, adapted)}
        uas = [own[corpus]["ua"] for corpus in corpora]
        mean = statistics.fmean(map(float, uas))
        what = {"": "", "mean": f"mean of {len(seeds)} seeds", "ensemble": f"{len(seeds)} seeds as one"}[seed]
        how = ADAPTED[adapted, seed != ""]
        figures = cells([*uas, str(mean)])
        lines.append([system, what, how, *figures[:-1], f"**{figures[-1]}**", link_of(own[corpora[0]], path, every)])
    if not lines:
        return []
    names = [corpus_of(corpus).title.partition(" (")[0] for corpus in corpora]
    return [
        "### Each of four corpora left out",
        "Trained on the other three, four emotions: UA in %. *As it is*: each recording by itself. *Adapted*: a network's\n"
        "bias towards each label over all recordings of the corpus is taken off. *Normalised*: the features of each corpus\n"
        "are brought to mean 0 and deviation 1. Both take the recordings beforehand, but no label, and suppose mixed\n"
        "moods. The baseline is a linear support vector machine on the 88 functionals of eGeMAPS by openSMILE. EMO-DB's\n"
        "recordings have their full length here.",
        table(["system", "", "", *names, "mean", "row"], lines, {*names, "mean", "row"}),
    ]


def tell(row: dict[str, str]) -> tuple[str, str, str]:
    return row["system"], row["seed"], row["adapted"]


def order_of(row: dict[str, str]) -> tuple[int, str, int, str, float]:
    """Corpora as in `CORPORA`, then others; then as `place_of` has them."""
    known = list(CORPORA)
    corpus, *others = place_of(row)
    return (known.index(corpus) if corpus in known else len(known), corpus, *others)


def task_of(row: dict[str, str]) -> tuple[int, str, str]:
    return emotions_of(row), row["protocol"], clips_of(row)


def runs(group: Sequence[dict[str, str]], path: str, every: Sequence[dict[str, str]]) -> str:
    """A row for each run, the best UA first; `every` are all rows of the CSV at `path`."""
    header = ["network", "UA %", "95 % interval", "WA %", "seeds", "trained", "row"]
    lines = []
    for row in group:
        ua, low, high, wa = cells(row[name] for name in ("ua", "ua_low", "ua_high", "wa"))
        link = link_of(row, path, every)
        lines.append(
            [f"`{row['architecture']}`", f"**{ua}**", f"{low} to {high}", wa, seeds_of(row), training_of(row), link]
        )
    return table(header, lines)


def headline(found: Iterable[dict[str, str]]) -> dict[str, str] | None:
    """The run with the most seeds, and of these the one with the best UA."""
    return max(found, key=lambda row: (len(row["seed"].split()), float(row["ua"])), default=None)


def glance() -> str:
    """A row for each architecture in the box, a column for each task."""
    own = sorted((row for row in rows() if row["protocol"] != LEFT_OUT), key=order_of)
    tasks = list(dict.fromkeys((row["dataset"], emotions_of(row), row["protocol"]) for row in own))
    names = [f"{corpus}, {count} emotions, {protocol}" for corpus, count, protocol in tasks]
    lines = []
    for name in architectures():
        line = [f"`{name}`"]
        for task in tasks:
            best = headline(
                row
                for row in own
                if (row["architecture"], row["dataset"], emotions_of(row), row["protocol"]) == (name, *task)
            )
            line.append(cells([best["ua"]])[0] if best else "not run")
        lines.append(line)
    return table(["network", *names], lines, names)


def entry_points(project: str, group: str) -> list[str]:
    """The names that a distribution of this repository offers."""
    document = tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))
    return list(document["project"]["entry-points"][group])


def architectures() -> list[str]:
    """Those in the box and in the distribution with pretrained encoders, without what only reads others' checkpoints."""
    names = entry_points(".", "emozoo.architectures") + entry_points("plugins/emozoo-ssl", "emozoo.architectures")
    return [name for name in names if name != "audio_classifier"]


def not_run() -> str:
    """What there is no figure of."""
    left_out = read("left_out.csv")
    here = {corpus_of(row["dataset"]).dataset or row["dataset"] for row in rows()}
    here |= {corpus_of(row["corpus"]).dataset or row["corpus"] for row in left_out}
    measured = {row["architecture"] for row in rows()} | {row["system"] for row in left_out}
    readers = entry_points(".", "emozoo.datasets") + entry_points("plugins/emozoo-corpora", "emozoo.datasets")
    missing = [name for name in readers if name not in here and name not in NO_CORPORA]
    never = [name for name in architectures() if name not in measured]
    return f"""\
## What was not run

- **Corpora.** emozoo reads these, and no network was trained on them here:
  {", ".join(f"`{name}`" for name in missing)}.
  So there is no figure of emozoo on IEMOCAP, CREMA-D, MELD or MSP-Podcast. IEMOCAP and MSP-Podcast also need a licence.
- **Architectures.** No run of these on a corpus of people is finished: {", ".join(f"`{name}`" for name in never)}. Those
  with video were measured on [the synthetic corpus](results.md#audio-and-video-on-the-toy-corpus) only.
- **Tasks.** What says *not run* [at a glance](#at-a-glance).
- **Speech.** All of it is acted. Spontaneous speech, children and old people were not tested.
"""


def published() -> str:
    """Two tables for each corpus: of unseen speakers, and of all else."""
    parts = [PUBLISHED.rstrip()]
    every = read(REFERENCES)
    for corpus, named in CORPORA.items():
        found = [row for row in every if row["corpus"] == corpus]
        apart = [row for row in found if row["speakers"] == TOLD_APART]
        own = emozoo_rows(corpus)
        if not found and not own:
            continue
        parts.append(f"### Published on {named.title.partition(' (')[0]}")
        if not own:
            parts.append("emozoo: not run.")
        if apart or own:
            header = ["system", "figure", "measure", "protocol", "source"]
            parts += ["Unseen speakers:", table(header, map(line_of, sorted([*apart, *own], key=rank)))]
        if not apart:
            parts.append("No published figure for unseen speakers was found.")
        if others := [row for row in found if row["speakers"] != TOLD_APART]:
            header = ["system", "figure", "test speakers", "measure", "protocol", "source"]
            lines = (
                [*line[:2], MARKS[row["speakers"]], *line[2:]]
                for row in sorted(others, key=rank)
                if (line := line_of(row))
            )
            parts += ["Not to be compared with these:" if apart or own else "Not to be compared:", table(header, lines)]
    return "\n\n".join(parts)


def emozoo_rows(corpus: str) -> list[dict[str, str]]:
    """emozoo's own for each number of emotions and protocol, as rows of references.csv."""
    found = []
    tasks = sorted({(emotions_of(row), row["protocol"]) for row in rows() if row["dataset"] == corpus})
    for task in tasks:
        row = headline(
            row for row in rows() if row["dataset"] == corpus and (emotions_of(row), row["protocol"]) == task
        )
        assert row is not None
        seeds = len(row["seed"].split())
        how = f"{PROTOCOLS.get(task[1], task[1])}; {seeds} {'seed' if seeds == 1 else 'seeds'}"
        own = {"system": f"**emozoo `{row['architecture']}`**", "classes": str(task[0]), "protocol": how}
        figures = {"UA": row["ua"], "WA": row["wa"]}
        source = "[above](#measured)"
        found += [
            {**own, "metric": metric, "figure": f"**{cells([figure])[0]}**", "source": source}
            for metric, figure in figures.items()
        ]
    return found


def rank(row: dict[str, str]) -> tuple[int, str, float]:
    """By emotions, metric, then figure."""
    return -int(row["classes"] or 0), row["metric"], -float(row["figure"].strip("*"))


def line_of(row: dict[str, str]) -> list[str]:
    measure = row["metric"] if row["metric"].startswith(("CCC", "not")) else f"{row['metric']} %"
    measure += f", {row['classes']} emotions" if row["classes"] else ""
    source = re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", row["source"])
    return [row["system"], row["figure"], measure, row["protocol"], source]


def page() -> str:
    """The whole page."""
    parts = [TOP.rstrip(), glance(), measured(), left_out(), published(), not_run().rstrip()]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
