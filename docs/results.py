"""Keeps emozoo/results.csv and the tables of docs/results.md and README.md: `python docs/results.py RUN COMMIT` adds a run.

RUN is the folder of a finished `emozoo train ... --fold all`, COMMIT the code that it ran with (by default the last
one that changed training). Without RUN only the tables are rendered again: also those of results/, which
docs/corpora.py and docs/ablation.py fill.
"""

from __future__ import annotations

import csv
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CSV, PAGE = ROOT / "emozoo" / "results.csv", ROOT / "docs" / "results.md"
README, RESULTS = ROOT / "README.md", ROOT / "results"
COLUMNS = (
    "architecture,dataset,labels,protocol,folds,seed,clips,wa,ua,ua_std,ua_low,ua_high,macro_f1,epochs,command,commit,hardware"
).split(",")


def rows() -> list[dict[str, str]]:
    with open(CSV, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def command_of(options: dict[str, Any], data_name: str) -> str:
    """The command line that such a run is made with; the data's folder stands under its usual name."""
    words = ["emozoo train", options["architecture"], "--dataset", options["dataset"]]
    if options["data_dir"]:
        words += ["--data-dir", data_name]
    if options["labels"]:
        words += ["--labels", ",".join(options["labels"])]
    words += [f"--merge {source}={target}" for source, target in options["merge"].items()]
    if options["protocol"]:
        words += ["--protocol", options["protocol"]]
    # Fold by fold from its own model, which has heard the same speakers, or all from fresh weights.
    words += ["--from RUN/foldN"] if options.get("start") else []
    words += ["--fold N" if options.get("fold") or options.get("start") else "--fold all"]
    words += [] if options.get("dev", True) else ["--no-dev"]
    if options["seed"]:
        words += ["--seed", str(options["seed"])]
    for key, value in options["settings"].items():
        words += [f"--{key} {value}" if key == "epochs" else f"--set {key}={value}"]
    return " ".join(words)


def row_of(folder: Path, commit: str | None = None) -> dict[str, str]:
    """A run's row. Raises FileNotFoundError for a run that is not finished."""
    options = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    fold = json.loads((folder / "fold1" / "metrics.json").read_text(encoding="utf-8"))
    pooled = summary["pooled"]
    data_name = Path(options["data_dir"] or "").name
    git = [
        "git",
        "-C",
        str(ROOT),
        "log",
        "-1",
        "--format=%h",
        "--",
        "emozoo/trainer.py",
        "emozoo/features.py",
        "plugins",
    ]
    shares = {
        "wa": summary["wa_mean"],
        "ua": summary["ua_mean"],
        "ua_std": summary["ua_std"],
        "ua_low": pooled["ua_interval"][0],
        "ua_high": pooled["ua_interval"][1],
        "macro_f1": summary["macro_f1_mean"],
    }
    return {
        "architecture": options["architecture"],
        "dataset": options["dataset"] if options["dataset"] != "manifest" else Path(data_name).stem,
        "labels": " ".join(pooled["labels"]),
        "protocol": fold["data"]["protocol"],
        "folds": str(summary["folds"]),
        "seed": str(options["seed"]),
        "clips": str(pooled["count"]),
        **{name: f"{share:.4f}" for name, share in shares.items()},
        "epochs": str(fold["training"]["recipe"]["epochs"]),
        "command": command_of(options, data_name),
        "commit": commit or subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip(),
        "hardware": f"{fold['training']['device']}, {platform.system()}",
    }


def table() -> str:
    """The rows as a Markdown table, best UA first within a dataset."""
    lines = [
        "| dataset | network | UA % | over folds | 95 % interval | WA % | macro F1 % | made with |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows(), key=lambda row: (row["dataset"], len(row["labels"]), -float(row["ua"]))):
        share = {
            name: f"{100 * float(row[name]):.1f}" for name in ("wa", "ua", "ua_std", "ua_low", "ua_high", "macro_f1")
        }
        lines.append(
            f"| {row['dataset']}, {len(row['labels'].split())} emotions, {row['protocol']}, {row['clips']} clips "
            f"| `{row['architecture']}` | **{share['ua']}** | ± {share['ua_std']} | {share['ua_low']} to {share['ua_high']} "
            f"| {share['wa']} | {share['macro_f1']} | `{row['command']}` |"
        )
    return "\n".join(lines)


def several(protocol_is_corpus: bool) -> str:
    """What runs over several corpora reach on each, without adaptation; of several seeds the mean."""
    lines = [
        "| tested on | network | UA % | seeds | over folds | 95 % interval | WA % | macro F1 % | calibration error % "
        "| made with |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = [row for row in read("corpora.csv") if row["recordings"] == "0"]
    for row in means(rows):
        if (row["protocol"] == "corpus") != protocol_is_corpus:
            continue
        names = ("ua", "ua_std", "ua_low", "ua_high", "wa", "macro_f1", "calibration_error")
        share = {name: f"{100 * float(row[name]):.1f}" for name in names}
        seeds = [each for each in rows if same_task(each) == same_task(row) and " " not in each["seed"]]
        each = ", ".join(f"{100 * float(one['ua']):.1f}" for one in seeds)
        rest = " | ".join(share[name] for name in names[4:])
        lines.append(
            f"| {row['corpus']}, {len(row['labels'].split())} emotions, {row['protocol']}, {row['clips']} clips "
            f"| `{row['architecture']}` | **{share['ua']}** | {row['seed'].replace(' ', ', ')}: {each} "
            f"| {'' if protocol_is_corpus else '± ' + share['ua_std']} | {share['ua_low']} to {share['ua_high']} | {rest} "
            f"| `{row['command']}` |"
        )
    return "\n".join(lines)


def same_task(row: dict[str, str]) -> tuple[str, ...]:
    """What rows share that differ in their seeds only."""
    return row["command"], row["corpus"], row["labels"]


def means(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with the mean over the seeds; where one seed was run, its row."""
    averaged = {same_task(row) for row in rows if " " in row["seed"]}
    return [row for row in rows if " " in row["seed"] or same_task(row) not in averaged]


def adaptation() -> str:
    """UA with so many other recordings of a clip's speaker, a row for each corpus, label set and protocol."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in means(read("corpora.csv")):
        count = str(len(row["labels"].split()))
        heard = "several" if "open.csv" in row["command"] else "it alone"
        heard += ", bands" if "band=" in row["command"] else ""
        heard += "" if "--no-dev" in row["command"] else ", dev kept out"
        key = (row["corpus"], count, heard, row["protocol"], row["architecture"])
        found.setdefault(key, {})[row["recordings"]] = f"{100 * float(row['ua']):.1f}"
    counts = ("0", "1", "5", "20", "all")
    lines = [
        f"| tested on | trained on | protocol | network | {' | '.join(('none', *counts[1:]))} |",
        f"|---|---|---|---|{'---|' * len(counts)}",
    ]
    for (corpus, emotions, heard, protocol, network), ua in found.items():
        cells = " | ".join(ua[count] for count in counts)
        lines.append(f"| {corpus}, {emotions} emotions | {heard} | `{protocol}` | `{network}` | {cells} |")
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
    """UA on worse recordings, of each run that was measured so."""
    corpora = ("ravdess", "emodb", "nemo")
    lines = [f"| the recordings | {' | '.join(corpora)} |", f"|---|{'---:|' * len(corpora)}"]
    measured = read("robustness.csv")
    for condition in dict.fromkeys(row["condition"] for row in measured):
        same = [row for row in measured if row["condition"] == condition]
        cells = (" / ".join(f"{100 * float(row[name]):.1f}" for row in same) for name in corpora)
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def overview() -> str:
    """README's table: the best UA of each network on each corpus, on speakers that it never heard."""
    best: dict[tuple[str, str, str], float] = {}
    several = [row for row in means(read("corpora.csv")) if row["recordings"] == "0" and row["protocol"] != "corpus"]
    fresh = [{**row, "dataset": row["corpus"]} for row in several if "--from" not in row["command"]]
    for row in [*rows(), *fresh]:
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


def read(name: str) -> list[dict[str, str]]:
    path = RESULTS / name
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def render() -> str:
    """The page with its tables as the CSVs have them."""
    parts = {
        "results": table(),
        "corpora": several(False),
        "cross-corpus": several(True),
        "adaptation": adaptation(),
        "ablation": ablation(),
        "robustness": robustness(),
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
    if len(sys.argv) > 1:
        new = row_of(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
        kept = [row for row in rows() if row["command"] != new["command"]]
        with open(CSV, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows([*kept, new])
    PAGE.write_text(render(), encoding="utf-8")
    README.write_text(render_readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
