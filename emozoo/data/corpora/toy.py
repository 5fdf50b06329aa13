"""The toy corpus: synthetic voices and drawn faces, in IEMOCAP's own layout, from a fixed seed.

`emozoo.data.corpora.iemocap` reads it like the real one. Nothing here was recorded: no result on it says anything about
people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emozoo.data.corpora.iemocap import RELEASE, Iemocap
from emozoo.data.corpus import Corpus
from emozoo.data.synthetic.actors import (
    BLENDS,
    VOICES,
    Actor,
    Face,
    Turn,
    Utterance,
    Voice,
    cast,
    express_mood,
    mix_voices,
    render_frames,
    speak_utterance,
)
from emozoo.data.synthetic.files import to_samples, write_video, write_wav
from emozoo.data.synthetic.raters import NAMES, rate, vote
from emozoo.media.window_shape import SAMPLING_RATE

CONTENT_VERSION = 2
"""Raise it when what is written changes, here or in `emozoo.data.synthetic`: the cache then gets a new corpus."""
SEED = 20_080_512


def write_toy(folder: Path, utterances: int = 220) -> None:
    """Writes the corpus, `folder`/IEMOCAP_full_release, in seconds; the same bytes of audio and labels each time.

    5 sessions with 2 dialogues of 2 speakers each; `utterances` of 0.9 to 4 s in all, divided equally among the sessions
    (at least 2 each). Ten of eleven are happy, sad, angry and neutral in equal shares, the others excited, frustrated or
    undecided.
    """
    for number in range(1, 6):
        rng = np.random.default_rng([SEED, number])
        session = folder / RELEASE / f"Session{number}"
        actors = cast(rng)
        turns = _plan(max(2, round(utterances / 5)), number, rng)
        half = len(turns) // 2
        for marked, part in (("F", turns[:half]), ("M", turns[half:])):
            seats = marked + ("M" if marked == "F" else "F")
            _write_dialogue(
                session, f"Ses{number:02d}{marked}_impro01", part, [actors[seat] for seat in seats], seats, rng
            )


def _plan(count: int, session: int, rng: np.random.Generator) -> list[Turn]:
    """The turns of a session, shuffled: emotions, speakers and vagueness balanced, in all combinations."""
    usual = count - count // 11
    turns = [
        Turn(list(VOICES)[index % 4], "FM"[index // 4 % 2], ("sound", "face", "")[(index + session) % 3])
        for index in range(usual)
    ]
    turns += [
        Turn(list(BLENDS)[(index + session) % 3], "FM"[(index + session) // 3 % 2], "")
        for index in range(count - usual)
    ]
    return [turns[index] for index in rng.permutation(count)]


def _write_dialogue(
    session: Path, dialogue: str, turns: list[Turn], actors: list[Actor], seats: str, rng: np.random.Generator
) -> None:
    """All files of one dialogue; the first of `seats` and `actors` sits on the left."""
    dialog = session / "dialog"
    sentences = session / "sentences" / "wav" / dialogue
    for name in ("EmoEvaluation", "transcriptions", "wav", "avi/DivX"):
        (dialog / name).mkdir(parents=True, exist_ok=True)
    sentences.mkdir(parents=True)
    labels = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
    texts: list[str] = []
    spoken: list[Utterance] = []
    end = SAMPLING_RATE // 2
    (raters,) = rng.spawn(1)
    for turn in turns:
        voice, face = express_mood(turn, rng)
        seat = seats.index(turn.speaks)
        seconds = float(np.clip(rng.normal(2.4, 0.6), 0.9, 4.0))
        sound, syllables = speak_utterance(voice, actors[seat], seconds, rng)
        name = f"{dialogue}_{turn.speaks}{sum(one.seat == seat for one in spoken):03d}"
        start = end + round(rng.uniform(0.1, 0.4) * SAMPLING_RATE)
        end = start + len(sound)
        spoken.append(Utterance(name, seat, start, sound, face))
        span = start / SAMPLING_RATE, end / SAMPLING_RATE
        rng.integers(3, size=3)  # as version 1 did here: what follows sounds and looks the same
        labels.append(f"[{span[0]:.4f} - {span[1]:.4f}]\t{name}\t{_judge(turn, voice, face, raters)}")
        texts.append(f"{name} [{span[0]:08.4f}-{span[1]:08.4f}]: {' '.join(syllables)}\n")
    samples = to_samples(mix_voices(spoken, end + SAMPLING_RATE // 2, rng))

    (dialog / "EmoEvaluation" / f"{dialogue}.txt").write_text("\n".join(labels), newline="\n")
    (dialog / "transcriptions" / f"{dialogue}.txt").write_text("".join(texts), newline="\n")
    write_wav(dialog / "wav" / f"{dialogue}.wav", samples)
    for one in spoken:
        write_wav(sentences / f"{one.name}.wav", samples[one.start : one.start + len(one.sound)])
    frames = render_frames(actors, spoken, len(samples), rng)
    write_video(dialog / "avi" / "DivX" / f"{dialogue}.avi", frames, samples)


def _judge(turn: Turn, voice: Voice, face: Face, rng: np.random.Generator) -> str:
    """The label of an utterance, its mean ratings, and a line for each rater's words and ratings."""
    answers = vote(turn.word, voice, face, rng)
    ratings = rate(voice, face, rng)
    v, a, d = ratings.mean(axis=0)
    lines = [f"{turn.word}\t[{v:.4f}, {a:.4f}, {d:.4f}]"]
    lines += [
        f"C-E{number}:\t{' '.join(f'{NAMES[word]};' for word in words)}\t()" for number, words in enumerate(answers, 1)
    ]
    lines += [
        f"A-E{number}:\tval {v:.0f}; act {a:.0f}; dom {d:.0f};\t()" for number, (v, a, d) in enumerate(ratings, 1)
    ]
    return "\n".join(lines) + "\n"


corpus = Corpus(
    name="toy",
    builder=Iemocap,
    labels=("happy", "sad", "angry", "neutral"),
    scale=(1, 5),
    protocol="session",
    obtain="emozoo makes it by itself, in seconds.",
    licence="Apache-2.0",
    summary="synthetic: 220 artificial sounds with drawn faces, in IEMOCAP's layout; for trying things out",
    write=write_toy,
    at_once="--dataset toy",
)
