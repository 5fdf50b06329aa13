"""Keeps emozoo/results.csv and the table in docs/results.md: `python docs/results.py RUN COMMIT` adds the run's row to both.

RUN is the folder of a finished `emozoo train ... --fold all`, COMMIT the code that it ran with (by default the last one that
changed training). Without RUN only the table is rendered again.
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
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
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
    words += ["--fold", "all"]
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


def render() -> str:
    """The page with its table as the CSV has it."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    if len(sys.argv) > 1:
        new = row_of(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
        kept = [row for row in rows() if row["command"] != new["command"]]
        with open(CSV, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows([*kept, new])
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
