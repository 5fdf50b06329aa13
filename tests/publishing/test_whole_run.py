"""A run over all folds and random seeds as one: its card, its ensemble, and what a push of it publishes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from support.hub_server import Hub, running
from support.publishing import NAME, cli
from support.schemas import validate
from support.small import emozoo, one_error, read, toy, train_words

from emozoo.checkpoint.loading import load
from emozoo.publishing.card import write_card


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random seeds on two folds."""
    folder = tmp_path_factory.mktemp("runs") / "a whole rün"
    emozoo(*train_words(folder, "--fold", "all", "--protocol", "group-2", "--seeds", "3,1", epochs=1))
    return folder


@pytest.fixture
def seeds(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / trained.name))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def front(card: Path) -> dict[str, Any]:
    return dict(ModelCard(card.read_text(encoding="utf-8")).data.to_dict())


def results(card: Path) -> dict[str, float]:
    """The figures of the front matter by name."""
    (index,) = front(card)["model-index"]
    return {each["name"]: each["value"] for result in index["results"] for each in result["metrics"]}


def test_the_card_of_a_run_has_its_folds_their_mean_all_clips_pooled_and_its_seeds(seeds: Path) -> None:
    emozoo("card", str(seeds))
    text = (seeds / "README.md").read_text(encoding="utf-8")
    summary = read(seeds / "seed3" / "summary.json")
    every = read(seeds / "summary.json")
    percent = lambda share: f"{100 * share:.1f}"  # noqa: E731
    table = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    for number in (1, 2):
        assert (
            f"{percent(read(seeds / 'seed3' / f'fold{number}' / 'metrics.json')['test']['ua'])} %"
            in table[f"fold {number}"]
        )
    assert f"{percent(summary['ua_mean'])} ± {percent(summary['ua_std'])} %" in table["**mean of folds**"]
    assert f"{percent(summary['pooled']['ua'])} %" in table["**pooled**"]
    assert " to ".join(map(percent, summary["pooled"]["ua_interval"])) in table["95 % interval, pooled"]
    over = {each["name"]: each for each in every["over_seeds"]}["ua"]
    assert f"{percent(over['mean'])} ± {percent(over['std'])} %" in table["**all seeds**"]
    assert {"seed 3", "seed 1"} <= table.keys()
    assert "figures of the single networks, not of the ensemble" in text and "an ensemble of 2 networks" in text
    found = results(seeds / "README.md")
    assert found["UA, pooled of 2 folds, single networks"] == round(summary["pooled"]["ua"], 4)
    assert found["UA, mean of 2 folds, single networks"] == round(summary["ua_mean"], 4)
    assert "UA" not in found


def test_the_card_has_the_groups_of_the_test_clips_of_a_fold_and_of_all(seeds: Path) -> None:
    run = seeds / "seed1"
    pooled = json.loads(emozoo("evaluate", str(run), "--by", "gender", "--device", "cpu", "--json").stdout)
    validate(pooled, "evaluate")
    (grouping,) = pooled["groups"]
    assert {each["name"]: each["speakers"] for each in grouping["groups"]} == {"F": 5, "M": 5}
    assert sum(each["clips"] for each in grouping["groups"]) == pooled["count"] == 50
    assert read(run / "summary.json")["groups"] == [grouping]
    assert "largest gap" in emozoo("evaluate", str(run), "--by", "gender", "--device", "cpu").stdout
    write_card(run)
    (_, section) = (run / "README.md").read_text(encoding="utf-8").split("## By group")
    gap = grouping["gap"]
    assert f"Largest gap: {gap['highest']} {100 * gap['value']:.1f} above {gap['lowest']}" in section
    assert "all folds, pooled, by the single networks" in section
    fold = run / "fold1"
    write_card(fold)
    (_, section) = (fold / "README.md").read_text(encoding="utf-8").split("## By group")
    (kept,) = read(fold / "metrics.json")["groups"]
    assert [f"| {each['name']} | {each['clips']} | {each['speakers']} |" in section for each in kept["groups"]] == [
        True
    ] * 2
    assert "No ranking and no gap of groups with fewer than 5 known speakers" in section


def test_what_a_person_wrote_into_the_card_of_a_run_stays(seeds: Path) -> None:
    run = seeds / "seed1"
    card = run / "README.md"
    write_card(run)
    once = card.read_text(encoding="utf-8")
    assert "seed 3" not in once and "random seeds" not in once
    card.write_text(once + "\nMy words.\n", encoding="utf-8")
    write_card(run)
    assert card.read_text(encoding="utf-8") == once + "\nMy words.\n"


def test_a_merged_run_answers_with_the_mean_of_its_folds_and_has_the_same_card(seeds: Path, tmp_path: Path) -> None:
    output = tmp_path / "ensemble"
    done = emozoo("export", str(seeds), "--merge", "--output", str(output), "--json")
    validate(json.loads(done.stdout), "export")
    assert json.loads(done.stdout)["members"] == 2
    window = [(np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), None)]
    folds = [load(seeds / "seed3" / f"fold{number}", "cpu") for number in (1, 2)]
    mean = np.mean([model.probabilities(window) for model in folds], axis=0)
    ensemble = load(output, "cpu")
    assert ensemble.probabilities(window) == pytest.approx(mean, abs=1e-6)
    assert ensemble.provenance and folds[0].provenance and folds[1].provenance
    assert ensemble.provenance == folds[0].provenance | folds[1].provenance
    write_card(output)
    write_card(seeds)
    assert results(output / "README.md") == results(seeds / "README.md")
    measured = emozoo("evaluate", str(output), "--dataset", "toy", "--data-dir", str(toy()), "--device", "cpu")
    assert "leaked: trained on" in measured.stdout
    assert "holds something else" in one_error(
        emozoo("export", str(seeds), "--merge", "--output", str(output), check=2)
    )
    own = one_error(emozoo("export", str(seeds / "seed1"), "--merge", "--output", str(seeds / "seed1"), check=2))
    assert "holds something else" in own


def test_a_push_of_a_run_publishes_the_ensemble_and_says_which(hub: Hub, seeds: Path, tmp_path: Path) -> None:
    done = cli(hub, tmp_path / "cache", "push", seeds, NAME)
    assert f"the ensemble of the 2 folds of {seeds}, with the random seed 3" in " ".join(done.stderr.split())
    repo = hub.models[NAME]
    there = repo.files()
    assert {
        "config.json",
        "model.safetensors",
        "summary.json",
        "fold1/metrics.json",
        "fold2/metrics.json",
    } <= there.keys()
    assert json.loads(there["config.json"])["members"] == 2
    assert there["README.md"] == (seeds / "README.md").read_bytes()
    assert not any(name.endswith(("run.json", "split.json")) for name in there)
    info = json.loads(cli(hub, tmp_path / "other", "info", f"hub:{NAME}", "--json").stdout)
    assert info["members"] == 2
    # One fold in its place leaves nothing of the ensemble behind.
    told = json.loads(cli(hub, tmp_path / "cache", "push", seeds, NAME, "--fold", "2", "--json").stdout)
    validate(told, "push")
    assert told["model"] == f"{seeds}/seed3/fold2"
    assert {"summary.json", "fold1/metrics.json", "fold2/metrics.json"} <= set(told["removed"])
    there = repo.files()
    assert "members" not in json.loads(there["config.json"]) and "summary.json" not in there
    assert (seeds / "seed3" / "fold2" / "README.md").read_bytes() == there["README.md"]


def test_what_a_run_cannot_publish_is_refused_by_name(hub: Hub, seeds: Path, tmp_path: Path) -> None:
    def refused(*words: object) -> str:
        return one_error(cli(hub, tmp_path / "cache", *words, check=2))

    assert "it has 1, 2" in refused("push", seeds, NAME, "--fold", "3")
    assert "holds no folds, but one model" in refused("push", seeds / "seed1" / "fold1", NAME, "--fold", "1")
    config = seeds / "seed3" / "fold2" / "config.json"
    config.write_text(config.read_text().replace('"happy"', '"glad"'))
    assert "differ in outputs" in refused("push", seeds, NAME)
    (seeds / "seed1" / "fold2" / "metrics.json").unlink()
    assert f"{seeds}/seed1 is not finished" in refused("push", seeds / "seed1", NAME)
    assert f"{seeds}/seed1 is not finished" in refused("card", seeds / "seed1")
    assert NAME not in hub.models


def test_info_tells_of_a_run_what_its_summary_has(seeds: Path) -> None:
    document = json.loads(emozoo("info", str(seeds), "--json").stdout)
    validate(document, "info")
    summary = read(seeds / "seed3" / "summary.json")
    assert (document["kind"], document["seed"]) == ("run", 3)
    rows = {row["of"]: row for row in document["over_folds"]}
    assert rows["mean of folds"]["ua"] == round(summary["ua_mean"], 4)
    assert rows["deviation of folds"]["wa"] == round(summary["wa_std"], 4)
    assert rows["pooled"]["macro_f1"] == round(summary["pooled"]["macro_f1"], 4)
    assert [rows[f"pooled, 95 % {end}"]["ua"] for end in ("from", "to")] == [
        round(end, 4) for end in summary["pooled"]["ua_interval"]
    ]
    assert [row["fold"] for row in document["by_fold"]] == [1, 2]
    means = {row["seed"]: row["ua"] for row in document["mean_of_folds_by_seed"]}
    assert means["mean"] == pytest.approx((means["3"] + means["1"]) / 2, abs=1e-4)
    shown = emozoo("info", str(seeds), COLUMNS="60").stdout
    assert "mean of folds" in shown and "pooled" in shown and "None" not in shown
    for words in (
        ("predict", "clip.wav", "--model"),
        ("embed", "clip.wav", "--output", "x.npz", "--model"),
        ("export",),
    ):
        refused = one_error(emozoo(*words, str(seeds), check=2))
        assert f"such as {seeds}/seed1/fold1, or merge them: emozoo export" in refused
