"""Makes the toy corpus: synthetic voices and drawn faces, in IEMOCAP's own layout, from a fixed seed.

`emozoo.data.corpora.iemocap` reads it like the real one. Nothing here was recorded, and no result on it says anything about
people.
"""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from emozoo.data.corpora.iemocap import RELEASE, Iemocap
from emozoo.data.corpora.toy_actors import (
    BLENDS,
    FACES,
    FRAME_RATE,
    HEIGHT,
    RATE,
    TOP,
    VOICES,
    WIDTH,
    Actor,
    Turn,
    Utterance,
    cast_actors,
    express_mood,
    mix_voices,
    render_frames,
    speak_utterance,
)
from emozoo.data.corpus import Corpus

SEED = 20_080_512
RATINGS = {  # valence, activation, dominance, of 5
    "neu": (3.0, 2.5, 3.0), "hap": (4.0, 3.5, 3.0), "ang": (2.0, 4.0, 4.0), "sad": (2.0, 2.0, 2.5),
    "exc": (4.0, 4.0, 3.5), "fru": (2.5, 3.0, 3.5), "xxx": (3.0, 3.0, 3.0),
}  # fmt: skip


def write_toy(folder: Path, utterances: int = 220) -> None:
    """Writes the corpus, `folder`/IEMOCAP_full_release, in seconds; the same bytes of sounds and labels each time.

    5 sessions with 2 dialogues of 2 speakers each; `utterances` of 0.9 to 4 s in all, equally many in each session (at
    least 2). Ten of eleven are happy, sad, angry and neutral in equal shares, the others excited, frustrated or
    undecided.
    """
    for number in range(1, 6):
        rng = np.random.default_rng([SEED, number])
        session = folder / RELEASE / f"Session{number}"
        actors = {"F": cast_actors(rng, 195, 1.17), "M": cast_actors(rng, 115, 1.0)}
        turns = _plan(max(2, round(utterances / 5)), number, rng)
        half = len(turns) // 2
        for marked, part in (("F", turns[:half]), ("M", turns[half:])):
            seats = marked + ("M" if marked == "F" else "F")
            _write_dialogue(
                session, f"Ses{number:02d}{marked}_impro01", part, [actors[seat] for seat in seats], seats, rng
            )


def write_clips(folder: Path) -> list[Path]:
    """Writes a few clips without the corpus around them, for trying a model out: a sound for each of the four emotions,
    and a film of somebody who is happy, then sad. Returns their paths; the same sounds each time."""
    rng = np.random.default_rng([SEED, 0])
    actors = {"F": cast_actors(rng, 195, 1.17), "M": cast_actors(rng, 115, 1.0)}
    paths = []
    for word, label in (("ang", "angry"), ("hap", "happy"), ("neu", "neutral"), ("sad", "sad")):
        sound, _ = speak_utterance(VOICES[word], actors["F"], 3.5, rng)
        paths.append(folder / f"{label}.wav")
        _write_wav(paths[-1], _samples(sound))
    spoken, end = [], RATE // 4
    for word in ("hap", "sad"):
        sound, _ = speak_utterance(VOICES[word], actors["M"], 3.5, rng)
        spoken.append(Utterance(word, 0, end, sound, FACES[word]))
        end += len(sound) + RATE // 4
    samples = _samples(mix_voices(spoken, end, rng))
    film = render_frames([actors["M"]] * 2, spoken, len(samples), rng)
    paths.append(folder / "happy-then-sad.avi")
    _write_video(paths[-1], film[:, TOP : TOP + HEIGHT, :WIDTH], samples)
    return paths


def _plan(count: int, session: int, rng: np.random.Generator) -> list[Turn]:
    """The turns of a session, shuffled: emotions, speakers and what is vague dealt out evenly, in all combinations."""
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
    dialog, sentences = session / "dialog", session / "sentences" / "wav" / dialogue
    for name in ("EmoEvaluation", "transcriptions", "wav", "avi/DivX"):
        (dialog / name).mkdir(parents=True, exist_ok=True)
    sentences.mkdir(parents=True)
    labels = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
    texts: list[str] = []
    spoken: list[Utterance] = []
    end = RATE // 2
    for turn in turns:
        voice, face = express_mood(turn, rng)
        seat = seats.index(turn.speaks)
        seconds = float(np.clip(rng.normal(2.4, 0.6), 0.9, 4.0))
        sound, syllables = speak_utterance(voice, actors[seat], seconds, rng)
        name = f"{dialogue}_{turn.speaks}{sum(one.seat == seat for one in spoken):03d}"
        start = end + round(rng.uniform(0.1, 0.4) * RATE)
        end = start + len(sound)
        spoken.append(Utterance(name, seat, start, sound, face))
        span = start / RATE, end / RATE
        v, a, d = np.clip(np.array(RATINGS[turn.word]) + rng.choice([-0.5, 0, 0.5], 3), 1, 5)
        labels.append(
            f"[{span[0]:.4f} - {span[1]:.4f}]\t{name}\t{turn.word}\t[{v:.4f}, {a:.4f}, {d:.4f}]\n"
            f"A-E1:\tval {v:.0f}; act {a:.0f}; dom {d:.0f};\t()\n"
        )
        texts.append(f"{name} [{span[0]:08.4f}-{span[1]:08.4f}]: {' '.join(syllables)}\n")
    samples = _samples(mix_voices(spoken, end + RATE // 2, rng))

    (dialog / "EmoEvaluation" / f"{dialogue}.txt").write_text("\n".join(labels), newline="\n")
    (dialog / "transcriptions" / f"{dialogue}.txt").write_text("".join(texts), newline="\n")
    _write_wav(dialog / "wav" / f"{dialogue}.wav", samples)
    for one in spoken:
        _write_wav(sentences / f"{one.name}.wav", samples[one.start : one.start + len(one.sound)])
    _write_video(dialog / "avi" / "DivX" / f"{dialogue}.avi", render_frames(actors, spoken, len(samples), rng), samples)


def _samples(sound: np.ndarray) -> np.ndarray:
    return np.clip(np.round(sound * 32_767), -32_768, 32_767).astype("<i2")


def _write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def _write_video(path: Path, film: np.ndarray, samples: np.ndarray) -> None:
    """An AVI of 720x480 MPEG-4 under DivX's name, with the dialogue's sound."""
    import av
    from av.video.reformatter import VideoReformatter

    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as file:
        picture = file.add_stream("mpeg4", rate=FRAME_RATE, options={"flags": "+bitexact"})
        picture.width, picture.height, picture.pix_fmt = 720, 480, "yuv420p"
        picture.bit_rate = 300_000
        picture.codec_context.codec_tag = "DIVX"
        picture.codec_context.thread_count = 1  # More would make the file differ from machine to machine.
        sound = file.add_stream(
            "pcm_s16le", rate=RATE, layout="mono"
        )  # AVI cannot undo the delay of an MP2 or MP3 encoder.
        enlarger = VideoReformatter()
        step = RATE // FRAME_RATE
        for number, pixels in enumerate(film):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = enlarger.reformat(frame, 720, 480, "yuv420p", interpolation="BILINEAR")
            frame.pts = number
            file.mux(picture.encode(frame))
            block = samples[None, number * step : (number + 1) * step]
            heard = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE, number * step, Fraction(1, RATE)
            file.mux(sound.encode(heard))
        file.mux(picture.encode(None))
        file.mux(sound.encode(None))


corpus = Corpus(
    name="toy",
    builder=Iemocap,
    labels=("happy", "sad", "angry", "neutral"),
    protocol="session",
    obtain="emozoo makes it by itself, in seconds.",
    licence="Apache-2.0",
    summary="synthetic: 220 artificial sounds with drawn faces, in IEMOCAP's layout; for trying things out",
    write=write_toy,
)
