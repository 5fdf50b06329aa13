"""The demo page's HTML: answers, models, past clips, and the text around them.

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
from emozoo.demo.charts import MOST_SPEAKERS, NAMELESS, colour_styles, course_chart, sound_chart, turns_chart
from emozoo.demo.dimensions import dimension_bars, dimensions_chart, in_ratings, plane_chart
from emozoo.inference import answers as inference_answers
from emozoo.inference.answers import ONE_SIDED, Prediction
from emozoo.inference.csv_answers import write_csv
from emozoo.inference.segment_answers import SpeakerAnswer
from emozoo.inference.voice import NO_SPEECH
from emozoo.plots.outline import Outline
from emozoo.target import Outputs

TITLE = "emozoo: emotion in speech and video"
HEADING = """# emozoo
Which emotion does a voice, or a voice and a face, portray? Give a recording of a person who speaks."""
PLAYED = {
    **dict.fromkeys((".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac"), "audio"),
    **dict.fromkeys((".mp4", ".m4v", ".webm", ".mov"), "video"),
}
"""Files that browsers can play."""
SLOT_ROWS = 5
"""Rows of an answer: clip and emotion, remarks, bars, course, frames."""
SYNTHETIC = (
    "This model was trained on computed voices only. It knows nothing of real ones: its answers for them mean nothing."
)


def small(text: str) -> str:
    return f'<p class="emz emz-quiet emz-small">{escape(text)}</p>'


def model(name: str, synthetic: bool) -> str:
    """A model's name, and a warning where it knows no real voices."""
    warning = f'<p class="emz-note" role="note">{SYNTHETIC}</p>' if synthetic else ""
    return f'<div class="emz"><h2>{escape(name)}</h2>{warning}</div>'


def facts(found: Mapping[str, Any]) -> str:
    """A model's network and labels, its scores and where they were measured. `found` is as of `emozoo info`."""
    kind = "tells apart" if found.get("target") in (None, "emotion", "votes") else "answers with"
    rows = {"network": f"{found['architecture']} ({found['distribution']})", kind: ", ".join(found["labels"])}
    if done := found["preparation"]:
        words = ["video cropped to the face"] * ("crop" in done) + ["noise removed"] * ("denoise" in done)
        rows["before"] = ", ".join(words)
    scores = found.get("test_results") or {}
    if "ua" in scores:
        rows["measured"] = f"UA {100 * scores['ua']:.1f} %, WA {100 * scores['wa']:.1f} % on {scores['clips']:,} clips"
        rows["trained on"] = found["trained_on"]
        rows["mind"] = found["note"] or ""
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text)
    return f'<div class="emz"><dl>{listed}</dl></div>'


def waiting() -> str:
    return _slot("", '<p class="emz-quiet">No clip yet.</p>')


def answer(given: Answer, outputs: Outputs, order: Sequence[str] = ()) -> str:
    """An answer, or the sentence that says why there is none. `outputs` are the model's, `order` is that of all models'
    labels on the page."""
    prediction = given.prediction
    name = f'<p class="emz-quiet emz-file">{escape(prediction.file)}</p>'
    if prediction.scores is None:
        return _slot("", name + _no_answer(prediction), _remarks(prediction))
    order = list(dict.fromkeys([*order, *outputs.labels]))
    own = [label for label in order if label in outputs.labels]
    styles = colour_styles(order)
    head = bars = course = ""
    if prediction.probabilities is not None:
        found = prediction.emotions or ([prediction.emotion] if prediction.emotion else [])
        word = escape(prediction.reason or ("no answer" if prediction.emotions is None else "none"))
        head = f'<p class="emz-emotion emz-none">{word}</p>'
        if found:
            named = ", ".join(f"{_swatch(styles[emotion])}{escape(emotion)}" for emotion in found)
            head = f'<p class="emz-emotion">{named}</p>'
        bars = _bars(prediction.probabilities, order, styles)
        course = course_chart(prediction.windows, own) if prediction.windows else ""
    if prediction.segments and prediction.speakers:
        course = turns_chart(prediction.segments, own) + _speakers(prediction.speakers, styles, outputs)
    if prediction.dimensions:
        parts = prediction.windows or prediction.segments or ()
        bars += dimension_bars(prediction.dimensions, outputs)
        bars += plane_chart(parts, prediction.dimensions, outputs, moves=prediction.windows is not None)
        course += dimensions_chart(prediction.windows, outputs) if prediction.windows else ""
    return _slot("emz-answer", name + head, _remarks(prediction), bars, course, _frames(given))


def _swatch(style: str) -> str:
    return f'<span class="emz-swatch emz-ink" style="{style}"></span>'


def _slot(look: str, *rows: str) -> str:
    """The place of an answer: so many rows, which stand beside those of other models (`emozoo.demo.style`)."""
    rows = (*rows, *[""] * (SLOT_ROWS - len(rows)))
    return f'<div class="emz emz-slot {look}" role="status">{"".join(f"<div>{row}</div>" for row in rows)}</div>'


def _no_answer(prediction: Prediction) -> str:
    if prediction.reason is None:
        return f'<p class="emz-error" role="alert">{escape(str(prediction.error))}</p>'
    sentence = str(prediction.error)
    if prediction.reason == NO_SPEECH:  # without the command line's way out, which the page has not
        sentence = f"{prediction.file} holds no speech: there is no voice in it to answer for"
    return (
        f'<p class="emz-emotion emz-none">{escape(prediction.reason)}</p>'
        f'<p class="emz-error emz-reason" role="alert">{escape(sentence)}</p>'
    )


def _remarks(prediction: Prediction) -> str:
    """What is to be said of the clip: what the answer is based on, how much of it is speech, and warnings."""
    one_sided = ONE_SIDED.get(prediction.modalities) if prediction.modalities is not None else None
    parts = [one_sided] if one_sided and prediction.scores is not None else []
    if prediction.speech is not None and prediction.scores is not None:
        parts.append(f"{100 * prediction.speech:.0f} % of it is speech")
    said = f'<p class="emz-quiet emz-small">{escape("; ".join(parts))}</p>' if parts else ""
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in prediction.warnings)
    return said + (f'<ul class="emz-note">{warnings}</ul>' if warnings else "")


def _speakers(speakers: Sequence[SpeakerAnswer], styles: Mapping[str, str], outputs: Outputs) -> str:
    """A row for each speaker: the emotion of all his or her segments together."""
    rows = ""
    for each in speakers[:MOST_SPEAKERS]:
        swatch = "" if each.emotion is None else _swatch(styles[each.emotion])
        count = f"{each.segments} segment{'s' * (each.segments != 1)}, {each.seconds:.1f} s"
        rows += (
            f"<tr><td>{escape(each.speaker or NAMELESS)}</td><td>{swatch}{_in_short(each, outputs)}</td>"
            f'<td class="emz-quiet">{count}</td></tr>'
        )
    left = len(speakers) - MOST_SPEAKERS
    more = small(f"{left} more speakers: see the JSON below") if left > 0 else ""
    return f'<table class="emz-speakers emz-small"><tbody>{rows}</tbody></table>{more}'


def _bars(shares: Mapping[str, float], order: Sequence[str], styles: Mapping[str, str]) -> str:
    rows = ""
    for label in order:
        share = shares.get(label)
        if share is None:
            rows += (
                f'<li class="emz-lacking" title="not a label of this model"><span>{escape(label)}</span>'
                '<span class="emz-bar"></span><span aria-label="not a label of this model">–</span></li>'
            )
        else:
            rows += (
                f'<li><span>{escape(label)}</span><span class="emz-bar"><i class="emz-ink" '
                f'style="width:{100 * share:.1f}%;{styles[label]}"></i></span>'
                f'<span data-probability="{share:.6f}">{100 * share:.1f} %</span></li>'
            )
    return f'<ul class="emz-bars">{rows}</ul>'


def sound(outline: Outline | None) -> str:
    """A clip's wave and spectrogram, where it has sound."""
    return f'<div class="emz">{sound_chart(outline)}</div>' if outline is not None else ""


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


def past(models: Sequence[tuple[str, Outputs]], clips: Sequence[Sequence[Prediction | None]]) -> str:
    """The clips of a visit: a table, the latest first, and downloads as of `emozoo predict --json` and `--csv`.

    `models` are names and outputs. A clip has a prediction by each model, or None as long as it waits."""
    if not clips:
        return '<div class="emz"><p class="emz-quiet">None yet.</p></div>'
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in ("clip", *(name for name, _ in models)))
    rows = "".join(
        f"<tr><td>{escape(next((prediction.file for prediction in clip if prediction), '...'))}</td>"
        + "".join(
            f"<td>{_in_short(prediction, outputs) if prediction else '...'}</td>"
            for prediction, (_, outputs) in zip(clip, models, strict=True)
        )
        + "</tr>"
        for clip in reversed(clips)
    )
    links = []
    for number, (name, outputs) in enumerate(models):
        answers = [prediction for clip in clips if (prediction := clip[number]) is not None]
        table = io.StringIO()
        write_csv(answers, outputs, False, table)
        document = json.dumps(inference_answers.document(name, outputs, answers, False), indent=2, ensure_ascii=False)
        stem = escape(PurePath(name.replace(":", "/")).name or "model")
        links.append(
            f"<p>{escape(name) if len(models) > 1 else 'Download'}: "
            f'<a download="{stem}.json" href="{_data("application/json", document.encode())}">JSON</a>'
            f'<a download="{stem}.csv" href="{_data("text/csv", table.getvalue().encode())}">CSV</a></p>'
        )
    table_of_all = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="emz emz-table">{table_of_all}{"".join(links)}</div>'


def _in_short(part: Prediction | SpeakerAnswer, outputs: Outputs) -> str:
    """An answer in a few words: the emotion and how probable it is, then dimensions."""
    if part.scores is None:
        return escape(part.reason or "no answer")
    said = []
    if part.probabilities:
        word = ", ".join(part.emotions or ()) or part.emotion or part.reason or "none"
        said.append(f"{word} {100 * max(part.probabilities.values()):.1f} %")
    if part.dimensions:
        said.append(in_ratings(part.dimensions, outputs))
    return escape("; ".join(said))


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, format="png")
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
