"""The command line: parses, calls one workflow, renders. What a command does is in the workflow's module, how a result
looks in `emozoo.render`. Nothing heavy is imported at the top, so that `--help` and `list` answer at once."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import emozoo
from emozoo import bundled, cli_demo, cli_listen, cli_plugins, cli_publish
from emozoo.cli_options import DataDir, Device, Json, Merge, Model, Protocol, Settings, Speaker, pairs, print_json
from emozoo.errors import EmozooError

_interrupts: list[int] = []
"""Each Ctrl-C so far. A library that is interrupted, while it is imported for one, may raise an error of its own instead."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    _interrupts.append(number)
    signal.default_int_handler(number, frame)


class _Light:
    """Leaves alone the options that were not given: typer would import pydantic to find that nothing is nothing, which
    takes as long as the rest of `--help` or `list`."""

    def get_params(self, ctx: Any) -> Any:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if not parameter.required:
                parameter.process_value = partial(_process_given, parameter)
        return parameters


def _process_given(parameter: Any, ctx: typer.Context, value: Any) -> Any:
    return None if value is None else type(parameter).process_value(parameter, ctx, value)


class _Command(_Light, TyperCommand):
    pass


class _Commands(_Light, TyperGroup):
    """Turns what a command raises into one line on standard error and an exit status."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        self.debug = "--debug" in words  # wherever it stands
        return super().main([word for word in words if word != "--debug"], *rest, **extra)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if isinstance(error, KeyboardInterrupt) or _interrupts:
                hint = "; --resume goes on after the last whole epoch" if ctx.invoked_subcommand == "train" else ""
                typer.echo(f"stopped{hint}", err=True)
                raise typer.Exit(130) from None
            if self.debug or not isinstance(error, EmozooError):
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    name="emozoo",
    cls=_Commands,
    help="Recognises emotion in speech and video: trains, compares and runs networks that are plugins.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


class Precision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Modality(StrEnum):
    audio = "audio"
    video = "video"


class Crop(StrEnum):
    face = "face"


class Backend(StrEnum):
    torch = "torch"
    onnx = "onnx"


class Adapt(StrEnum):
    speaker = "speaker"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"emozoo {emozoo.__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; any command takes it.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    architecture: Annotated[
        str | None, typer.Argument(help="A name from emozoo list, such as cnn_rnn. With --from: may be left out.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="A name from emozoo list; toy needs no data.")] = "iemocap",
    data_dir: DataDir = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Emotions to tell apart, as in sad,angry,neutral; all: every one. Default: the dataset's."),
    ] = None,
    merge: Merge = None,
    crop: Annotated[
        Crop | None, typer.Option(help="face: cut pictures down to the face, here and in prediction (pip extra face).")
    ] = None,
    denoise: Annotated[
        bool, typer.Option("--denoise", help="Take noise out of the sound, here and in prediction (pip extra denoise).")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Fine-tune this model: a run's folder, or hub:user/name[@revision]."),
    ] = None,
    protocol: Protocol = None,
    fold: Annotated[str, typer.Option(help="Which fold is the test split, from 1; all: one after the other.")] = "1",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training clips. Default: the recipe's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the draws and the splits.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(help="The run's folder. Default: runs/ARCHITECTURE-DATASET, numbered where it exists."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output, or with the last one.")
    ] = False,
    set_: Settings = None,
    device: Device = "auto",
    precision: Annotated[Precision, typer.Option(help="auto: bf16 on GPUs and CPUs that have it.")] = Precision.auto,
    as_json: Json = False,
) -> None:
    """Train an architecture; the run's folder is the checkpoint.

    Without IEMOCAP at hand: emozoo train cnn_rnn --dataset toy
    """
    from emozoo import render
    from emozoo.run import RunOptions

    if start is not None:
        from emozoo import hub
        from emozoo.checkpoint import read_config
        from emozoo.reference import name_of

        known = read_config(hub.resolve(start, weights=False), name_of(start))["architecture"]
        if architecture not in (None, known):
            raise EmozooError(f"--from {start} is a {known}, not a {architecture}: leave the architecture out")
        architecture = known
        start = _absolute(start)
    if architecture is None:
        raise EmozooError("name an architecture, such as cnn_rnn, or with --from a model to fine-tune")
    settings = pairs(set_, "--set")
    if epochs is not None:
        settings["epochs"] = str(epochs)
    options = RunOptions(
        architecture=architecture,
        dataset=dataset,
        data_dir=data_dir and _absolute(data_dir),
        labels=_words(labels),
        merge=_merges(merge),
        protocol=protocol,
        fold=None if fold == "all" else _number(fold),
        seed=seed,
        settings=settings,
        start=start,
        precision=precision.value,
        crop=crop and crop.value,
        denoise=denoise,
    )
    if output is None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise EmozooError("several processes train into one folder: name it with --output")
    folder = output or _default_folder(f"{architecture}-{dataset}", resume)
    _check_before_torch(options)
    from emozoo.train import train as run

    progress = render.TrainingProgress()
    with progress:
        progress.message(f"{architecture} on {dataset}: the run's folder is {folder}")
        summary = run(options, folder, device=device, resume=resume, progress=progress)
    if render.is_main_process():
        if as_json:
            test = [{"fold": fold.number, "name": fold.name, **metrics.to_dict()} for fold, metrics in progress.folds]
            print_json({"run": str(folder), **summary.to_dict(), "test": test})
        else:
            render.show_training(str(folder), summary, progress.folds)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A run's folder, or hub:user/name[@revision].")],
    dataset: Annotated[
        str | None, typer.Option(help="Measure on another dataset, all of it. Default: the test fold of the run.")
    ] = None,
    data_dir: DataDir = None,
    merge: Merge = None,
    protocol: Protocol = None,
    fold: Annotated[int | None, typer.Option(min=1, help="Only this fold's test split.")] = None,
    adapt: Annotated[
        Adapt | None,
        typer.Option(
            help="speaker: adapt each answer with other clips of the same speaker, whose labels are not used."
        ),
    ] = None,
    recordings: Annotated[
        int | None, typer.Option(min=1, help="With --adapt: so many other clips for each answer. Default: all.")
    ] = None,
    modality: Annotated[
        Modality | None, typer.Option(help="By this alone, for a model that can do without the other.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for predictions.csv and confusion_matrix.png. Default: none are written."),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model: WA, UA, macro F1, per class, per speaker, confusion matrix, 95 % interval."""
    from emozoo import render
    from emozoo.evaluate import evaluate as run

    with render.waiting("evaluating"):
        result = run(
            model,
            dataset=dataset,
            data_dir=data_dir,
            merge=_merges(merge),
            protocol=protocol,
            fold=fold,
            adapt=adapt and adapt.value,
            recordings=recordings,
            modality=modality and modality.value,
            output=output,
            device=device,
        )
    if as_json:
        print_json(result.to_dict())
    else:
        render.show_evaluation(result)


@app.command()
def predict(
    files: Annotated[
        list[str], typer.Argument(help="Sound or video files, folders, or patterns such as 'clips/*.mp4'.")
    ],
    model: Model = bundled.DEFAULT,
    speaker: Speaker = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also the answer for each window of 3 s, one a second.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the timeline of one file as a PNG.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    backend: Annotated[
        Backend,
        typer.Option(help="onnx: run what emozoo export wrote, without torch; starts in a fraction of the time."),
    ] = Backend.torch,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Say which emotion a voice, or a voice and a face, show. The exit status is 2 when no file could be answered."""
    from emozoo import render

    if as_csv and as_json:
        raise EmozooError("--csv and --json exclude each other")
    from emozoo.adaptation import hear_speaker
    from emozoo.predict import document, find_files, predict_files
    from emozoo.reference import name_of

    names, voice = find_files(files), find_files(speaker or [])
    if plot and len(names) != 1:
        raise EmozooError(f"--plot draws one file, not {len(names)}")
    if plot and plot.suffix.lower() != ".png":
        raise EmozooError(f"--plot writes PNG: {plot} must end in .png")
    loaded: Any
    if backend is Backend.onnx:
        from emozoo import onnx_model

        loaded = onnx_model.load(model, device)
    else:
        from emozoo.model import load

        loaded = load(model, device)
    lean = None
    if voice:
        with render.waiting("listening to the speaker"):
            lean = hear_speaker(loaded, voice)
    answers = list(
        render.track(
            predict_files(loaded, names, timeline=timeline or plot is not None, lean=lean), "predicting", len(names)
        )
    )
    if plot and answers[0].windows is not None:
        from emozoo import plots
        from emozoo.outline import read_outline

        with render.waiting("drawing"):
            plots.timeline(answers[0].windows, loaded.labels, plot, read_outline(names[0]))
    if as_json:
        told = document(name_of(model), loaded.labels, answers, timeline)
        if lean:
            predictions = told.pop("predictions")
            told |= {"speaker": {"recordings": lean.recordings}, "predictions": predictions}
        print_json(told)
    elif as_csv:
        if lean:
            render.say(render.adapted_with(lean))
        render.write_csv(answers, loaded.labels, timeline)
    else:
        render.show_predictions(answers, loaded.labels, timeline, lean)
    if as_json or as_csv:
        for answer in answers:
            if answer.error is not None:
                render.warn(answer.error)
    if all(answer.error is not None for answer in answers):
        raise typer.Exit(2)


app.command()(cli_listen.listen)


@app.command("list", cls=_Command)
def list_(
    query: Annotated[str | None, typer.Argument(help="With --hub: a part of the name.")] = None,
    on_hub: Annotated[bool, typer.Option("--hub", help="Models on the Hugging Face Hub instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show the architectures, datasets and models at hand, where they come from, and what is wrong with those that fail."""
    from emozoo import registry, render, trial

    if on_hub:
        return _list_hub(query, as_json)
    if query is not None:
        raise EmozooError(f"emozoo list {query}: a part of a name goes with --hub; emozoo info shows one entry")
    with render.waiting("trying plugins"):
        tried = trial.checked(*registry.KINDS)
    listed = {f"{kind}s": [each for each in tried if each.group == group] for group, kind in registry.KINDS.items()}
    for name in registry.unknown_names():
        render.warn(f"{registry.ALLOWED} names {name!r}, and no installed plugin or distribution is called so")
    if off := [f"{each.name} ({each.distribution})" for each in registry.switched_off()]:
        render.say(f"switched off, as {registry.ALLOWED} does not name them: {', '.join(off)}")
    if as_json:
        print_json(
            {
                **{
                    kind: [
                        {
                            "name": plugin.name,
                            "distribution": plugin.distribution,
                            "version": plugin.version,
                            "state": "broken" if plugin.problem else "ok",
                            "problem": plugin.problem,
                        }
                        for plugin in plugins
                    ]
                    for kind, plugins in listed.items()
                },
                "models": bundled.describe(),
            }
        )
    else:
        render.show_plugins(listed)
        render.show_bundled(bundled.describe())


@app.command()
def info(
    name: Annotated[
        str,
        typer.Argument(
            help="An architecture, a dataset, a model in the box or folder of one, or hub:user/name[@revision]."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show one of them: an architecture's layers, settings, recipe, citation and results; a dataset's labels and terms."""
    from emozoo import render
    from emozoo.info import describe

    document = describe(name)
    if as_json:
        print_json(document)
    else:
        render.show_info(document)


@app.command()
def benchmark(
    name: Annotated[str, typer.Argument(help="An architecture, a run's folder, or hub:user/name[@revision].")],
    set_: Settings = None,
    batch_sizes: Annotated[
        str | None, typer.Option(help="Windows answered at once, as in 1,8,64. Default: some that suit the device.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a network here: parameters, FLOPs, latency, throughput, training step, memory, share of the machine's peak."""
    from emozoo import render

    sizes = [
        int(word) if word.strip().isdigit() else 0 for word in ("1" if batch_sizes is None else batch_sizes).split(",")
    ]
    if min(sizes) < 1:
        raise EmozooError(f"--batch-sizes {batch_sizes}: must be numbers from 1, as in 1,8,64")
    with render.waiting("measuring"):
        from emozoo.benchmark import benchmark as run

        document = run(
            name, settings=pairs(set_, "--set"), device=device, batch_sizes=sizes if batch_sizes is not None else None
        )
    if as_json:
        print_json(document)
    else:
        render.show_info(document)


for command in (
    cli_publish.export,
    cli_publish.card,
    cli_publish.push,
    cli_demo.demo,
    cli_demo.space,
    cli_plugins.check,
):
    app.command()(command)
app.add_typer(cli_plugins.new, name="new")


def _absolute(place: str) -> str:
    """A folder or file as run.json keeps it; a reference to the Hub as it is."""
    from emozoo.reference import is_reference

    return place if is_reference(place) else os.path.abspath(os.path.expanduser(place))


def _list_hub(query: str | None, as_json: bool) -> None:
    from emozoo import hub, render

    with render.waiting("asking the Hub"):
        found = hub.search(query)
    if as_json:
        print_json({"models": [vars(model) for model in found]})
    else:
        render.show_hub(found)


def _words(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise EmozooError("--labels names no emotion; as in --labels sad,angry,neutral")
    return words


def _merges(items: Iterable[str] | None) -> dict[str, str]:
    return pairs([pair for item in items or () for pair in item.split(",")], "--merge")


def _number(fold: str) -> int:
    if not fold.isdigit() or int(fold) < 1:
        raise EmozooError(f"--fold {fold}: must be a number from 1, or all")
    return int(fold)


def _default_folder(name: str, resume: bool) -> Path:
    """The first free name under runs/; to resume, the last one that is taken."""
    free, taken, number = Path("runs", name), None, 1
    while free.exists():
        taken, number = free, number + 1
        free = Path("runs", f"{name}-{number}")
    return taken if resume and taken else free


def _check_before_torch(options: Any) -> None:
    """Finds a wrong name before seconds are spent on imports."""
    from emozoo import registry

    registry.find(registry.ARCHITECTURES, options.architecture)
    registry.find(registry.DATASETS, options.dataset)


class _Remarks(logging.Handler):
    """Shows what modules have to say: warnings, and what they are busy with."""

    def emit(self, record: logging.LogRecord) -> None:
        from emozoo import render

        (render.warn if record.levelno >= logging.WARNING else render.say)(record.getMessage())


def main() -> None:
    """The `emozoo` command."""
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be text that the terminal can show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("emozoo")
    logger.addHandler(_Remarks())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, _interrupt)
    app()


if __name__ == "__main__":
    main()
