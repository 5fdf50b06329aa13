"""Keeps emozoo/results.csv and the tables of docs/results.md and README.md: `python research/results.py [RUN [COMMIT]]`.

RUN is the folder of a finished `emozoo train ... --fold all`; its row is added. COMMIT is the code that it ran with, by
default the last one that changed training. Rows of results/corpora.csv are taken over, and all tables are rendered again.
"""

from __future__ import annotations

import csv
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

from rows import RESULTS, ROOT, data_of, link_of, read, same_task, seeds_of, training_of

from emozoo.checkpoint.run import RunOptions, read_options, read_record, read_summary
from emozoo.registry.loading import get_architecture

CSV = ROOT / "emozoo" / "results.csv"
PAGE = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
COLUMNS = (
    "architecture,dataset,labels,protocol,folds,seed,clips,wa,ua,ua_std,ua_low,ua_high,macro_f1,epochs,command,commit,hardware"
).split(",")

HEAD = (
    "| tested on | network | trained | UA % | seeds | over folds | 95 % interval | WA % | macro F1 % | row |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def rows() -> list[dict[str, str]]:
    with open(CSV, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dataset_of(options: RunOptions) -> str:
    """The name of the dataset; a table has that of its file."""
    place = Path(options.data_dir or "")
    return place.stem if place.suffix else options.dataset


def command_of(options: RunOptions) -> str:
    """The command line that makes such a run; the data's folder has its usual name."""
    words = ["emozoo train", options.architecture, "--dataset", options.dataset]
    if options.data_dir:
        words += ["--data-dir", Path(options.data_dir).name]
    if options.labels:
        words += ["--labels", ",".join(options.labels)]
    words += [f"--merge {source}={target}" for source, target in options.merge.items()]
    if options.protocol:
        words += ["--protocol", options.protocol]
    if start := Path(
        options.start or ""
    ).name:  # a fold's own model, trained on the same speakers, or one for all folds
        words += ["--from RUN/foldN" if start == f"fold{options.fold}" else f"--from RUN/{start}"]
    words += ["--fold N" if options.fold else "--fold all"]
    words += [] if options.dev else ["--no-dev"]
    if options.seeds:
        words += ["--seeds", ",".join(map(str, options.seeds))]
    elif options.seed:
        words += ["--seed", str(options.seed)]
    if options.split_seed is not None:
        words += ["--split-seed", str(options.split_seed)]
    for key, value in options.settings.items():
        words += [f"--{key} {value}" if key == "epochs" else f"--set {key}={value}"]
    return " ".join(words)


def row_of(folder: Path, commit: str | None = None) -> dict[str, str]:
    """A run's row. Raises FileNotFoundError for a run that is not finished."""
    options, summary, record = read_options(folder), read_summary(folder), read_record(folder / "fold1")
    if options is None or summary is None or record is None:
        raise FileNotFoundError(f"{folder} is no finished run over all folds")
    if record.data.leak and record.data.leak.found:
        sys.exit(f"{folder} is not for these tables, which are of speakers who were not trained on: {summary.note}")
    pooled = summary.pooled
    shares = {
        "wa": summary.wa_mean,
        "ua": summary.ua_mean,
        "ua_std": summary.ua_std,
        "ua_low": pooled.ua_interval[0],
        "ua_high": pooled.ua_interval[1],
        "macro_f1": summary.macro_f1_mean,
    }
    return {
        "architecture": options.architecture,
        "dataset": dataset_of(options),
        "labels": " ".join(pooled.labels),
        "protocol": record.data.protocol,
        "folds": str(summary.folds),
        "seed": str(options.seed),
        "clips": str(pooled.count),
        **{name: f"{share:.4f}" for name, share in shares.items()},
        "epochs": str(record.training.recipe["epochs"]),
        "command": command_of(options),
        "commit": commit or _last_training_commit(),
        "hardware": f"{record.training.device}, {platform.system()}",
    }


def _last_training_commit() -> str:
    folders = ["emozoo/training", "emozoo/features", "plugins"]
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--", *folders]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def table() -> str:
    """The rows as a Markdown table, best UA first within a dataset and protocol."""
    return "\n".join([*HEAD, *map(line_of, sorted(rows(), key=place_of))])


def place_of(row: dict[str, str]) -> tuple[str, int, str, float]:
    return row["dataset"], len(row["labels"].split()), row["protocol"], -float(row["ua"])


def cross_corpus() -> str:
    """A network's scores on a corpus that it was not trained on, one out of several."""
    lines = [*HEAD]
    lines += [line_of({**row, "dataset": row["corpus"]}) for row in unadapted() if row["protocol"] == "corpus"]
    return "\n".join(lines)


def line_of(row: dict[str, str]) -> str:
    place = ("results/corpora.csv", read("corpora.csv")) if "corpus" in row else ("emozoo/results.csv", rows())
    share = {name: f"{100 * float(row[name]):.1f}" for name in ("wa", "ua", "ua_std", "ua_low", "ua_high", "macro_f1")}
    return (
        f"| {row['dataset']}, {len(row['labels'].split())} emotions, {row['protocol']}, {row['clips']} clips "
        f"| `{row['architecture']}` | {training_of(row)} | **{share['ua']}** | {seeds_of(row)} "
        f"| {'' if row['folds'] == '1' else '± ' + share['ua_std']} "
        f"| {share['ua_low']} to {share['ua_high']} | {share['wa']} | {share['macro_f1']} | {link_of(row, *place)} |"
    )


def unadapted() -> list[dict[str, str]]:
    """The rows of corpora.csv, means over the seeds, without speaker adaptation."""
    return means([row for row in read("corpora.csv") if row["recordings"] == "0"])


def of_corpora() -> list[dict[str, str]]:
    """Those on unseen speakers of a corpus that was trained on, as rows of results.csv."""
    found = []
    for row in unadapted():
        if row["protocol"] != "corpus":
            values = {**row, "dataset": row["corpus"], "epochs": epochs_of(row)}
            found.append({name: values[name] for name in COLUMNS})
    return found


def epochs_of(row: dict[str, str]) -> str:
    """What its command says, or else the recipe of its architecture."""
    _, named, rest = row["command"].partition("--epochs ")
    return rest.split()[0] if named else str(get_architecture(row["architecture"]).recipe.epochs)


def means(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with the mean over the seeds; where only one seed was run, its row."""
    averaged = {same_task(row) for row in rows if " " in row["seed"]}
    return [row for row in rows if " " in row["seed"] or same_task(row) not in averaged]


def adaptation() -> str:
    """UA by the number of other recordings of a clip's speaker, a row for each corpus, label set and protocol."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in means(read("corpora.csv")):
        count = str(len(row["labels"].split()))
        key = (row["corpus"], count, data_of(row), row["protocol"], row["architecture"])
        found.setdefault(key, {})[row["recordings"]] = f"{100 * float(row['ua']):.1f}"
    counts = ("0", "1", "5", "20", "all")
    lines = [
        f"| tested on | trained on | protocol | network | {' | '.join(('none', *counts[1:]))} |",
        f"|---|---|---|---|{'---|' * len(counts)}",
    ]
    for (corpus, emotions, trained_on, protocol, network), ua in found.items():
        cells = " | ".join(ua[count] for count in counts)
        lines.append(f"| {corpus}, {emotions} emotions | {trained_on} | `{protocol}` | `{network}` | {cells} |")
    return "\n".join(lines)


def to_recordings() -> str:
    """Accuracy without and with adaptation to the recordings at hand, by their moods: the mean over corpora and networks."""
    measured = read("adaptation.csv")
    if not measured:
        return "No run that leaves a corpus out is measured yet."
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in measured:
        by_method = found.setdefault((row["moods"], row["recordings"]), {})
        by_method.setdefault(row["method"], []).append(100 * float(row["accuracy"]))
    columns = {"none": "none", "guarded": "`recordings`", "bias": "without the guard", "prior": "the labels' prior"}
    lines = [f"| the recordings | number | {' | '.join(columns.values())} |", f"|---|{'---:|' * (1 + len(columns))}"]
    for (moods, count), by_method in found.items():
        cells = (f"{statistics.fmean(by_method[method]):.1f}" for method in columns)
        lines.append(f"| {moods} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def statistics_left_out() -> str:
    """What each group of the statistics of `functionals` adds on corpora left out."""
    measured = read("statistics_left_out.csv")
    corpora = sorted({row["corpus"] for row in measured})
    lines = [
        f"| statistics | number | {' | '.join(corpora)} | mean | mean, adapted |",
        f"|---|{'---:|' * (len(corpora) + 3)}",
    ]
    for variant in dict.fromkeys(row["variant"] for row in measured):
        own = {row["corpus"]: row for row in measured if row["variant"] == variant}
        uas, adapted = ([100 * float(own[corpus][key]) for corpus in corpora] for key in ("ua", "ua_adapted"))
        figures = (*uas, statistics.fmean(uas), statistics.fmean(adapted))
        count = own[corpora[0]]["statistics"]
        lines.append(f"| {variant} | {count} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    return "\n".join(lines)


def layer_trials() -> str:
    """What was tried on a layer over statistics, on corpora left out: the mean over seeds."""
    measured = read("layer_trials.csv")
    corpora = sorted({row["corpus"] for row in measured})
    lines = [f"| what differs | {' | '.join(corpora)} | mean | mean, adapted |", f"|---|{'---:|' * (len(corpora) + 2)}"]
    for trial in dict.fromkeys(row["trial"] for row in measured):
        own = [row for row in measured if row["trial"] == trial]
        uas = [statistics.fmean(100 * float(row["ua"]) for row in own if row["corpus"] == corpus) for corpus in corpora]
        adapted = statistics.fmean(100 * float(row["ua_adapted"]) for row in own)
        cells = " | ".join(f"{figure:.1f}" for figure in (*uas, statistics.fmean(uas), adapted))
        seeds = f" ({len(own) // len(corpora)} seeds)" if own[0]["seed"] else ""
        lines.append(f"| {trial}{seeds} | {cells} |")
    return "\n".join(lines)


def recipes() -> str:
    """Recipes of the published networks, of which dev speakers choose one."""
    lines = ["| network, data | settings | UA % on dev speakers | UA % on test speakers |", "|---|---|---:|---:|"]
    for row in read("recipes.csv"):
        settings = ", ".join(re.findall(r"--set (\S+)", row["command"])) or "its own"
        emotions = len(row["labels"].split())
        ua, deviation = (100 * float(row[name]) for name in ("ua", "ua_std"))
        lines.append(
            f"| `{row['architecture']}`, {row['dataset']}, {emotions} emotions, {row['epochs']} epochs | {settings} "
            f"| {100 * float(row['dev_ua']):.1f} | {ua:.1f} ± {deviation:.1f} |"
        )
    return "\n".join(lines)


def ablation() -> str:
    """Settings compared on dev speakers."""
    lines = ["| network, data | what differs | UA % on dev speakers | each fold | commit |", "|---|---|---|---|---|"]
    for row in read("ablation.csv"):
        settings = ", ".join(f"`{pair}`" for pair in row["settings"].split(",") if pair)
        each = ", ".join(f"{100 * float(ua):.1f}" for ua in row["each"].split())
        labels = row["labels"].replace(" ", ", ")
        lines.append(
            f"| `{row['architecture']}`, {row['dataset']}, {labels} | {row['variant']}: {settings} "
            f"| {100 * float(row['dev_ua']):.1f} | {each} | {row['commit']} |"
        )
    return "\n".join(lines)


def robustness() -> str:
    """UA on worse recordings."""
    corpora = ("ravdess", "emodb", "nemo")
    lines = [f"| the recordings | {' | '.join(corpora)} |", f"|---|{'---:|' * len(corpora)}"]
    measured = read("robustness.csv")
    for condition in dict.fromkeys(row["condition"] for row in measured):
        cells = (
            " / ".join(
                f"{100 * float(row['ua']):.1f}"
                for row in measured
                if (row["condition"], row["corpus"]) == (condition, corpus)
            )
            for corpus in corpora
        )
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def denoising() -> str:
    """UA in noise of several strengths, with and without noise removal."""
    measured = read("denoise.csv")
    models = list(dict.fromkeys((row["architecture"], row["dataset"]) for row in measured))
    names = [f"`{architecture}` on {dataset}, as it is | noise removed" for architecture, dataset in models]
    lines = [f"| noise added | {' | '.join(names)} |", f"|---|{'---:|' * 2 * len(models)}"]
    for noise in dict.fromkeys(row["noise"] for row in measured):
        cells = [
            f"{100 * float(row['ua']):.1f}"
            for model in models
            for removed in ("no", "yes")
            for row in measured
            if (row["architecture"], row["dataset"], row["noise"], row["taken_out"]) == (*model, noise, removed)
        ]
        lines.append(f"| {noise} | {' | '.join(cells)} |")
    return "\n".join(lines)


def modalities() -> str:
    """UA of networks for audio and video: with both, and with either alone."""
    words = {"both": "audio and video", "audio": "audio only", "video": "video only"}
    lines = ["| network | input | UA % | 95 % interval | row |", "|---|---|---|---|---|"]
    for number, row in enumerate(read("modalities.csv"), 2):
        ua, low, high = (f"{100 * float(row[name]):.1f}" for name in ("ua", "ua_low", "ua_high"))
        lines.append(
            f"| `{row['architecture']}` | {words[row['reads']]} | {ua} | {low} to {high} "
            f"| [{number}](../results/modalities.csv#L{number}) |"
        )
    return "\n".join(lines)


def inside_networks() -> str:
    """Accuracy with adaptation inside the networks, the mean over the corpora that they never heard."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in read("norm_adaptation.csv"):
        methods = found.setdefault((row["moods"], row["recordings"]), {})
        methods.setdefault(row["method"], []).append(100 * float(row["accuracy"]))
    lines = ["| the recordings | number | none | statistics | entropy |", "|---|---:|---:|---:|---:|"]
    for (moods, count), methods in found.items():
        cells = " | ".join(f"{statistics.fmean(each):.1f}" for each in methods.values())
        lines.append(f"| {moods} | {count} | {cells} |")
    return "\n".join(lines)


def calibration() -> str:
    """How sure the bundled model is, and how often its sets hold the true emotion."""
    corpora = {"ravdess": "RAVDESS", "emodb": "EMO-DB", "nemo": "nEMO", "ased": "ASED"}
    header = (
        "tested on | sets | asked for, % | hold the truth, % | 95 % interval | size | WA % | calibration error % | "
    )
    lines = [f"| {header}95 % interval |", f"|---|---|{'---:|' * 7}"]
    for row in read("calibration.csv"):
        share = {name: f"{100 * float(value):.1f}" for name, value in row.items() if value.startswith(("0.", "1."))}
        lines.append(
            f"| {corpora.get(row['corpus'], row['corpus'])}, {row['tested_on']} | {row['method'].upper()} "
            f"| {share['asked']} | {share['coverage']} | {share['coverage_low']} to {share['coverage_high']} "
            f"| {float(row['size']):.2f} | {share['wa']} | {share['calibration_error']} "
            f"| {share['calibration_error_low']} to {share['calibration_error_high']} |"
        )
    return "\n".join(lines)


def overview() -> str:
    """README's table: the best UA of each network on each corpus, on unseen speakers."""
    best: dict[tuple[str, str, str], float] = {}
    for row in rows():
        key = (row["architecture"], row["dataset"], str(len(row["labels"].split())))
        best[key] = max(best.get(key, 0.0), float(row["ua"]))
    tasks = [("ravdess", "4"), ("ravdess", "8"), ("emodb", "4"), ("nemo", "4")]
    networks = sorted({name for name, *_ in best}, key=lambda name: -best.get((name, *tasks[0]), 0.0))
    lines = [
        f"| Architecture | {' | '.join(f'{dataset}, {count} emotions' for dataset, count in tasks)} |",
        f"|---|{'---:|' * len(tasks)}",
    ]
    for name in networks:
        cells = (f"{100 * best[name, *task]:.1f}" if (name, *task) in best else "" for task in tasks)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def store(name: str, rows: list[dict[str, str]]) -> None:
    """Puts rows into results/`name`, in place of those with the same commands."""
    commands = {row["command"] for row in rows}
    kept = [row for row in read(name) if row["command"] not in commands]
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])


def render() -> str:
    """The page with its tables as the CSVs have them."""
    parts = {
        "results": table(),
        "cross-corpus": cross_corpus(),
        "adaptation": adaptation(),
        "recordings": to_recordings(),
        "inside": inside_networks(),
        "statistics": statistics_left_out(),
        "trials": layer_trials(),
        "recipes": recipes(),
        "ablation": ablation(),
        "robustness": robustness(),
        "modalities": modalities(),
        "denoise": denoising(),
        "calibration": calibration(),
    }
    return filled(PAGE.read_text(encoding="utf-8"), parts)


def render_readme() -> str:
    """README with its table as the CSVs have it."""
    return filled(README.read_text(encoding="utf-8"), {"measured": overview()})


def filled(page: str, parts: dict[str, str]) -> str:
    """A page with the text between each part's marks replaced."""
    for name, text in parts.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"
    return page


def main() -> None:
    new = [row_of(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)] if len(sys.argv) > 1 else []
    new += of_corpora()
    commands = {row["command"] for row in new}
    kept = [row for row in rows() if row["command"] not in commands]
    with open(CSV, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *new])
    PAGE.write_text(render(), encoding="utf-8")
    README.write_text(render_readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
