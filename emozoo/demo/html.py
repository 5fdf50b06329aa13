"""The demo page's HTML and CSS: answers, models, past clips, and the text around them.

What comes from a visitor, a file or a model is escaped. Nothing is loaded from another host.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import numpy as np

from emozoo.demo.answer import Answer
from emozoo.inference import answers as inference_answers
from emozoo.inference.answers import ONE_SIDED, Prediction, write_csv
from emozoo.plots.colours import emotion_colours
from emozoo.plots.outline import outline
from emozoo.plots.over_time import draw_timeline
from emozoo.plots.style import new_figure, png

TITLE = "emozoo: emotion in speech and video"
HEADING = """# emozoo
Give it a recording of a person who speaks, and see which emotion the voice, or the voice and the face, portray."""
PLAYED = {
    **dict.fromkeys((".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac"), "audio"),
    **dict.fromkeys((".mp4", ".m4v", ".webm", ".mov"), "video"),
}
"""Files that browsers can play."""
CSS = """
footer { display: none !important; }
.gradio-container { max-width: 1280px !important; }
.html-container:has(.emz) { padding: 4px 0 !important; }
.emz p { margin: 0.3em 0; }
.emz-quiet, .emz dt, .emz figcaption, .emz small { color: var(--body-text-color); opacity: 0.75; }
.emz h2 { font-size: 1.15em; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.emz dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15em 0.8em; font-size: 0.9em; margin: 0.5em 0; }
.emz dd { margin: 0; overflow-wrap: anywhere; }
.emz-emotion { font-size: 1.7em; font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; }
.emz-swatch { display: inline-block; width: 0.62em; height: 0.62em; border-radius: 50%; margin-right: 0.35em; }
.emz-swatch, .emz-bar i { outline: 1px solid var(--border-color-primary); }
.emz-bars { display: grid; grid-template-columns: fit-content(40%) 1fr 4.2em; gap: 0.35em 0.7em; align-items: center;
  list-style: none; margin: 0.6em 0 1em; padding: 0; }
.emz-bars > li { display: contents; }
.emz-bars span:first-child { overflow-wrap: anywhere; }
.emz-bars span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.emz-bar { background: #dfe1e6; border-radius: 4px; height: 1em; overflow: hidden; }
.emz-bar i { display: block; height: 100%; }
.emz figure { margin: 0 0 1em; }
.emz figcaption { font-size: 0.9em; margin-bottom: 0.3em; }
.emz-picture { display: block; width: 100%; max-width: 680px; border-radius: var(--radius-lg); }
.emz-frames { display: flex; flex-wrap: wrap; gap: 4px; }
.emz-frames img { width: 100px; height: 60px; display: block; border-radius: 3px; }
.emz-frames small { display: block; text-align: center; }
.emz-error { border-left: 4px solid var(--error-border-color); padding: 0.4em 0.8em; overflow-wrap: anywhere; }
.emz audio, .emz video { width: 100%; max-height: 260px; margin-top: 0.4em; }
.emz-table { overflow-x: auto; }
.emz table { border-collapse: collapse; width: 100%; }
.emz table, .emz table tr { border: none !important; }
.emz table th, .emz table td { text-align: left; padding: 0.35em 0.8em 0.35em 0; overflow-wrap: anywhere;
  border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.emz-card table { display: block; overflow-x: auto; font-size: 0.9em; border: none !important; }
.emz-card th, .emz-card td { padding: 0.3em 0.6em !important; overflow-wrap: normal !important;
  word-break: normal !important; }
.emz a { text-decoration: underline; color: var(--link-text-color); margin-right: 0.7em; }
"""


def model(facts: Mapping[str, Any]) -> str:
    """A model: its labels, its scores and where they were measured. `facts` are those of `emozoo info`."""
    rows = {"network": f"{facts['architecture']} ({facts['distribution']})", "tells apart": ", ".join(facts["labels"])}
    if done := facts["preparation"]:
        words = ["video cropped to the face"] * ("crop" in done) + ["noise removed"] * ("denoise" in done)
        rows["before"] = ", ".join(words)
    if facts.get("test_results"):
        scores = facts["test_results"]
        rows["measured"] = f"UA {100 * scores['ua']:.1f} %, WA {100 * scores['wa']:.1f} % on {scores['clips']:,} clips"
        rows["trained on"] = facts["trained_on"]
        rows["mind"] = facts["note"] or ""
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text)
    return f'<div class="emz"><h2>{escape(facts["name"])}</h2><dl>{listed}</dl></div>'


def waiting() -> str:
    return '<div class="emz"><p class="emz-quiet">No clip yet.</p></div>'


def answer(given: Answer, labels: Sequence[str]) -> str:
    """An answer, or the sentence that says why there is none."""
    prediction = given.prediction
    if prediction.error is not None:
        return f'<div class="emz"><p class="emz-error" role="alert">{escape(prediction.error)}</p></div>'
    assert prediction.probabilities is not None and prediction.windows is not None
    colours = emotion_colours(labels)
    bars = "".join(
        f'<li><span>{escape(label)}</span><span class="emz-bar"><i style="width:{100 * share:.1f}%;'
        f'background:{colours[label]}"></i></span><span data-probability="{share:.6f}">{100 * share:.1f} %</span></li>'
        for label, share in prediction.probabilities.items()
    )
    one_sided = ONE_SIDED.get(prediction.modalities) if prediction.modalities is not None else None
    figure = new_figure()
    draw_timeline(figure, prediction.windows, labels, outline([given.sound]))
    picture = png(figure)
    course = "; ".join(f"{w.start:.0f} to {w.end:.0f} s {w.emotion}" for w in prediction.windows[:20])
    emotion = str(prediction.emotion)
    return (
        f'<div class="emz emz-answer" role="status"><p class="emz-quiet">{escape(prediction.file)}</p>'
        f'<p class="emz-emotion"><span class="emz-swatch" style="background:{colours[emotion]}"></span>'
        f"{escape(emotion)}</p>"
        + (f'<p class="emz-quiet">{one_sided}</p>' if one_sided else "")
        + f'<ul class="emz-bars">{bars}</ul>'
        f"<figure><figcaption>Emotion over time, with the sound and its spectrogram</figcaption>"
        f'<img class="emz-picture" src="{_data("image/png", picture)}" alt="{escape(f"Emotion over time: {course}")}">'
        f"</figure>{_frames(given)}</div>"
    )


def _frames(given: Answer) -> str:
    if not given.frames:
        return ""
    times = [at for at, _ in given.frames]
    rows = [("Frames that the network got", [frame for _, frame in given.frames])]
    if given.uncropped:
        rows = [("Frames of the video", list(given.uncropped)), ("Cropped to the face, for the network", rows[0][1])]
    return "".join(
        f'<figure><figcaption>{title}</figcaption><div class="emz-frames">'
        + "".join(
            f'<div><img src="{_data("image/png", _png(frame))}" alt="{title} at {at:.1f} s"><small>{at:.1f} s</small></div>'
            for at, frame in zip(times, frames, strict=True)
        )
        + "</div></figure>"
        for title, frames in rows
    )


def player(path: PurePath, name: str) -> str:
    """The clip, with a player if browsers can play it."""
    tag = PLAYED.get(path.suffix.lower())
    play = f'<{tag} controls preload="metadata" src="gradio_api/file={quote(str(path))}"></{tag}>' if tag else ""
    return f'<div class="emz"><p class="emz-quiet">{escape(name)}</p>{play}</div>'


def refusal(sentence: str) -> str:
    """Why a clip is refused, in place of its player."""
    return f'<div class="emz"><p class="emz-error" role="alert">{escape(sentence)}</p></div>'


def past(models: Sequence[tuple[str, Sequence[str]]], clips: Sequence[Sequence[Prediction | None]]) -> str:
    """The clips of a visit: a table, the latest first, and downloads as of `emozoo predict --json` and `--csv`.

    `models` are names and labels. A clip has a prediction by each model, or None as long as it waits."""
    if not clips:
        return '<div class="emz"><p class="emz-quiet">None yet.</p></div>'
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in ("clip", *(name for name, _ in models)))
    rows = "".join(
        f"<tr><td>{escape(next((prediction.file for prediction in clip if prediction), '...'))}</td>"
        + "".join(f"<td>{_cell(prediction)}</td>" for prediction in clip)
        + "</tr>"
        for clip in reversed(clips)
    )
    links = []
    for number, (name, labels) in enumerate(models):
        answers = [prediction for clip in clips if (prediction := clip[number]) is not None]
        table = io.StringIO()
        write_csv(answers, labels, False, table)
        document = json.dumps(inference_answers.document(name, labels, answers, False), indent=2, ensure_ascii=False)
        stem = escape(PurePath(name.replace(":", "/")).name or "model")
        links.append(
            f"<p>{escape(name) if len(models) > 1 else 'Download'}: "
            f'<a download="{stem}.json" href="{_data("application/json", document.encode())}">JSON</a>'
            f'<a download="{stem}.csv" href="{_data("text/csv", table.getvalue().encode())}">CSV</a></p>'
        )
    table_of_all = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="emz emz-table">{table_of_all}{"".join(links)}</div>'


def _cell(prediction: Prediction | None) -> str:
    if prediction is None:
        return "..."
    if prediction.error is not None or prediction.probabilities is None:
        return "no answer"
    return f"{escape(str(prediction.emotion))} {100 * max(prediction.probabilities.values()):.1f} %"


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, format="png")
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
