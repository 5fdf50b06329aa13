"""Acted corpora of which a recording's path says who speaks in which emotion: TESS, SAVEE, EMOVO, ShEMO, SUBESCO, CaFE, ESD,
MESD, EmoV-DB, JL and URDU."""

from __future__ import annotations

import re

from emozoo.data.corpus import Corpus, Download
from emozoo_corpora.named import NamedRecordings
from emozoo_corpora.sources import dataverse, zenodo

USUAL = ("happy", "sad", "angry", "neutral")


def path(pattern: str) -> re.Pattern[str]:
    """The end of a path, in any case."""
    return re.compile(rf"(?:^|/){pattern}$", re.IGNORECASE)


class Tess(NamedRecordings):
    """Two women say 200 words after "Say the word". Their ages are 64 and 26."""

    TITLE = "TESS"
    PATH = path(r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)")
    EMOTIONS = {
        "angry": "angry", "disgust": "disgusted", "fear": "fearful", "happy": "happy", "neutral": "neutral",
        "ps": "surprised", "sad": "sad",
    }  # fmt: skip
    EXAMPLE = "OAF_back_angry.wav"
    OBTAIN = "Download it from https://doi.org/10.5683/SP2/E8H2MF (no registration) and unpack it."

    def speaker(self, match: re.Match[str]) -> str:
        return "OAF" if match["speaker"].upper().startswith("OA") else "YAF"

    def gender(self, match: re.Match[str]) -> str:
        return "F"

    def transcript(self, match: re.Match[str]) -> str:
        return f"Say the word {match['word'].lower()}."


tess = Corpus(
    name="tess",
    builder=Tess,
    labels=USUAL,
    protocol="speaker",
    environment="EMOZOO_TESS",
    obtain=Tess.OBTAIN,
    licence="CC BY-NC-ND 4.0",
    language="en",
    summary="2,800 recordings of 2 actresses who say 200 words in 7 emotions, audio",
    citation="M. K. Pichora-Fuller and K. Dupuis, Toronto emotional speech set (TESS), Borealis 2020, 10.5683/SP2/E8H2MF",
    download=Download(
        page="https://doi.org/10.5683/SP2/E8H2MF",
        licence="CC BY-NC-ND 4.0",
        terms="https://creativecommons.org/licenses/by-nc-nd/4.0/",
        commercial=False,
        listing=dataverse("borealisdata.ca", "doi:10.5683/SP2/E8H2MF"),
        size=280_000_000,
    ),
)


class Savee(NamedRecordings):
    """Four men; folders are their initials, or names begin with these."""

    TITLE = "SAVEE"
    PATH = path(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>sa|su|[adfhn])(?P<number>\d\d)")
    EMOTIONS = {
        "a": "angry", "d": "disgusted", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprised",
    }  # fmt: skip
    EXAMPLE = "AudioData/DC/a01.wav"
    OBTAIN = "Register at http://kahlan.eps.surrey.ac.uk/savee/ (free for research) and unpack AudioData."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].upper()

    def gender(self, match: re.Match[str]) -> str:
        return "M"


savee = Corpus(
    name="savee",
    builder=Savee,
    labels=USUAL,
    protocol="speaker",
    environment="EMOZOO_SAVEE",
    obtain=Savee.OBTAIN,
    licence="free for research, by registration; see http://kahlan.eps.surrey.ac.uk/savee/",
    language="en",
    summary="480 recordings of 4 actors in 7 emotions, audio",
    citation="S. Haq and P. J. B. Jackson, Speaker-dependent audio-visual emotion recognition, AVSP 2009",
)


class Emovo(NamedRecordings):
    TITLE = "EMOVO"
    PATH = path(r"(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>[fm][1-3])-(?P<sentence>[a-z]\d)")
    EMOTIONS = {
        "dis": "disgusted", "gio": "happy", "neu": "neutral", "pau": "fearful", "rab": "angry", "sor": "surprised",
        "tri": "sad",
    }  # fmt: skip
    EXAMPLE = "f1/dis-f1-b1.wav"
    OBTAIN = "Download it from http://voice.fub.it/activities/corpora/emovo/index.html (no registration) and unpack it."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].lower()

    def gender(self, match: re.Match[str]) -> str:
        return match["speaker"][0].upper()


emovo = Corpus(
    name="emovo",
    builder=Emovo,
    labels=USUAL,
    protocol="speaker",
    environment="EMOZOO_EMOVO",
    obtain=Emovo.OBTAIN,
    licence="the release names no licence that emozoo knows; see http://voice.fub.it/activities/corpora/emovo/index.html",
    language="it",
    summary="588 recordings of 6 actors who speak fourteen sentences in 7 emotions, audio",
    citation="G. Costantini, I. Iaderola, A. Paoloni and M. Todisco, EMOVO Corpus: an Italian Emotional Speech Database, "
    "LREC 2014",
)


class Shemo(NamedRecordings):
    TITLE = "ShEMO"
    PATH = path(r"(?P<speaker>[FM]\d\d)(?P<emotion>[AFHNSW])(?P<number>\d\d)")
    EMOTIONS = {"a": "angry", "f": "fearful", "h": "happy", "n": "neutral", "s": "sad", "w": "surprised"}
    EXAMPLE = "female/F01A01.wav"
    OBTAIN = "Clone https://github.com/mansourehk/ShEMO (no registration) and unpack its archives."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].upper()

    def gender(self, match: re.Match[str]) -> str:
        return match["speaker"][0].upper()


shemo = Corpus(
    name="shemo",
    builder=Shemo,
    labels=USUAL,
    environment="EMOZOO_SHEMO",
    obtain=Shemo.OBTAIN,
    licence="the release names no licence that emozoo knows; see https://github.com/mansourehk/ShEMO",
    language="fa",
    summary="3,000 utterances of 87 speakers of Persian radio plays in 6 emotions, audio",
    citation="O. Mohamad Nezami, P. Jamshid Lou and M. Karami, ShEMO: a large-scale validated database for Persian speech "
    "emotion detection, Language Resources and Evaluation 53 (2019)",
)


class Subesco(NamedRecordings):
    TITLE = "SUBESCO"
    PATH = path(
        r"(?P<speaker>[FM]_\d+_[A-Z]+)_S_(?P<sentence>\d+)_(?P<emotion>ANGRY|DISGUST|FEAR|HAPPY|NEUTRAL|SAD|SURPRISE)_\d"
    )
    EMOTIONS = {
        "angry": "angry", "disgust": "disgusted", "fear": "fearful", "happy": "happy", "neutral": "neutral", "sad": "sad",
        "surprise": "surprised",
    }  # fmt: skip
    EXAMPLE = "F_01_OISHI_S_10_ANGRY_1.wav"
    OBTAIN = "Download it from https://doi.org/10.5281/zenodo.4526477 (no registration) and unpack it."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].upper()

    def gender(self, match: re.Match[str]) -> str:
        return match["speaker"][0].upper()


subesco = Corpus(
    name="subesco",
    builder=Subesco,
    labels=USUAL,
    environment="EMOZOO_SUBESCO",
    obtain=Subesco.OBTAIN,
    licence="CC BY 4.0",
    language="bn",
    summary="7,000 recordings of 20 speakers who speak ten sentences in 7 emotions, audio",
    citation="S. Sultana, M. S. Rahman, M. R. Selim and M. Z. Iqbal, SUST Bangla Emotional Speech Corpus (SUBESCO), "
    "PLoS ONE 16(4) (2021)",
    download=Download(
        page="https://zenodo.org/records/4526477",
        licence="CC BY 4.0",
        terms="https://creativecommons.org/licenses/by/4.0/",
        commercial=True,
        listing=zenodo(4526477, lambda name: name.endswith(".zip")),
    ),
)


class Cafe(NamedRecordings):
    """Odd numbers are men. Each recording may be there at two sampling rates, and counts once."""

    TITLE = "CaFE"
    PATH = path(r"(?P<speaker>\d\d)-(?P<emotion>[CDJNPST])-(?P<intensity>[12])-(?P<sentence>\d)")
    EMOTIONS = {
        "c": "angry", "d": "disgusted", "j": "happy", "n": "neutral", "p": "fearful", "s": "surprised", "t": "sad",
    }  # fmt: skip
    EXAMPLE = "CaFE_48k/Peur/Fort/12-P-2-5.wav"
    OBTAIN = "Download CaFE_48k.zip from https://doi.org/10.5281/zenodo.1478765 (no registration) and unpack it."

    def gender(self, match: re.Match[str]) -> str:
        return "M" if int(match["speaker"]) % 2 else "F"


cafe = Corpus(
    name="cafe",
    builder=Cafe,
    labels=USUAL,
    protocol="speaker",
    environment="EMOZOO_CAFE",
    obtain=Cafe.OBTAIN,
    licence="CC BY-NC-SA 4.0",
    language="fr",
    summary="936 recordings of 12 actors who speak six sentences in 7 emotions, Canadian French, audio",
    citation="P. Gournay, O. Lahaie and R. Lefebvre, A Canadian French Emotional Speech Dataset, ACM MMSys 2018",
    download=Download(
        page="https://zenodo.org/records/1478765",
        licence="CC BY-NC-SA 4.0",
        terms="https://creativecommons.org/licenses/by-nc-sa/4.0/",
        commercial=False,
        listing=zenodo(1478765, lambda name: name == "CaFE_48k.zip"),
    ),
)


class Esd(NamedRecordings):
    """Speakers 0001 to 0010 speak Mandarin, 0011 to 0020 English."""

    TITLE = "ESD"
    PATH = path(r"(?P<emotion>Angry|Happy|Neutral|Sad|Surprise)/(?:[a-z]+/)?(?P<speaker>00[012]\d)_(?P<number>\d{6})")
    EMOTIONS = {"angry": "angry", "happy": "happy", "neutral": "neutral", "sad": "sad", "surprise": "surprised"}
    EXAMPLE = "0011/Angry/0011_000351.wav"
    OBTAIN = "Ask for it by the form at https://github.com/HLTSingapore/Emotional-Speech-Data (free for research)."


esd = Corpus(
    name="esd",
    builder=Esd,
    labels=USUAL,
    environment="EMOZOO_ESD",
    obtain=Esd.OBTAIN,
    licence="free for research, by request; see https://github.com/HLTSingapore/Emotional-Speech-Data",
    language="zh, en",
    summary="35,000 recordings of 20 speakers who speak 350 sentences in 5 emotions, Mandarin and English, audio",
    citation="K. Zhou, B. Sisman, R. Liu and H. Li, Emotional voice conversion: theory, databases and ESD, Speech "
    "Communication 137 (2022)",
)


class Mesd(NamedRecordings):
    """Speakers are not named: a path says only whether it is a woman's voice, a man's or a child's."""

    TITLE = "MESD"
    PATH = path(
        r"(?P<emotion>Anger|Disgust|Fear|Happiness|Neutral|Sadness)_(?P<voice>[FMC])_(?P<part>[AB])_(?P<word>[^\d/]+)"
    )
    EMOTIONS = {
        "anger": "angry", "disgust": "disgusted", "fear": "fearful", "happiness": "happy", "neutral": "neutral",
        "sadness": "sad",
    }  # fmt: skip
    EXAMPLE = "Anger_C_A_abajo.wav"
    OBTAIN = "Download it from https://doi.org/10.17632/cy34mh68j9 (no registration) and unpack it."

    def speaker(self, match: re.Match[str]) -> str:
        return ""

    def gender(self, match: re.Match[str]) -> str:
        return match["voice"].upper().replace("C", "")

    def transcript(self, match: re.Match[str]) -> str:
        return match["word"].replace("_", " ")


mesd = Corpus(
    name="mesd",
    builder=Mesd,
    labels=USUAL,
    protocol="random",
    environment="EMOZOO_MESD",
    obtain=Mesd.OBTAIN,
    licence="CC BY 4.0",
    language="es",
    summary="864 recordings of words by unnamed women, men and children in 6 emotions, Mexican Spanish, audio",
    citation="M. M. Duville, L. M. Alonso-Valerdi and D. I. Ibarra-Zarate, The Mexican Emotional Speech Database (MESD), "
    "EMBC 2021",
)


class EmovDb(NamedRecordings):
    TITLE = "EmoV-DB"
    PATH = path(
        r"(?P<speaker>bea|jenie|josh|sam)[_/](?P<emotion>amused|angry|disgusted|neutral|sleepy)/(?P<name>[^/]+)"
    )
    EMOTIONS = {each: each for each in ("amused", "angry", "disgusted", "neutral", "sleepy")}
    EXAMPLE = "bea_Amused/amused_1-15_0001.wav"
    OBTAIN = "Download the archives of https://www.openslr.org/115/ (free); unpack each into a folder of its name."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].lower()

    def gender(self, match: re.Match[str]) -> str:
        return "F" if match["speaker"].lower() in ("bea", "jenie") else "M"


emov_db = Corpus(
    name="emov_db",
    builder=EmovDb,
    labels=("amused", "angry", "disgusted", "neutral", "sleepy"),
    protocol="speaker",
    environment="EMOZOO_EMOV_DB",
    obtain=EmovDb.OBTAIN,
    licence="a licence of its authors for research; see https://www.openslr.org/115/",
    language="en",
    summary="recordings of 4 speakers who read sentences in 5 emotions, audio",
    citation="A. Adigwe, N. Tits, K. El Haddad, S. Ostadabbas and T. Dutoit, Emotional Voices Database, arXiv 1806.09514",
)


class Jl(NamedRecordings):
    TITLE = "the JL corpus"
    PATH = path(r"(?P<speaker>(?:fe)?male[12])_(?P<emotion>[a-z]+)_(?P<sentence>\d+[ab])_(?P<take>[12])")
    EMOTIONS = {
        each: each
        for each in (
            "angry", "anxious", "apologetic", "assertive", "concerned", "encouraging", "excited", "happy", "neutral", "sad",
        )
    }  # fmt: skip
    EXAMPLE = "female1_angry_10a_1.wav"
    OBTAIN = "Download https://www.kaggle.com/datasets/tli725/jl-corpus (free) and unpack it."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].lower()

    def gender(self, match: re.Match[str]) -> str:
        return match["speaker"][0].upper()


jl = Corpus(
    name="jl",
    builder=Jl,
    labels=USUAL,
    protocol="speaker",
    environment="EMOZOO_JL",
    obtain=Jl.OBTAIN,
    licence="CC0 1.0",
    language="en",
    summary="2,400 recordings of 4 actors in 5 primary and 5 secondary emotions, New Zealand English, audio",
    citation="J. James, L. Tian and C. I. Watson, An Open Source Emotional Speech Corpus for Human Robot Interaction "
    "Applications, Interspeech 2018",
)


class Urdu(NamedRecordings):
    TITLE = "URDU"
    PATH = path(r"(?P<speaker>S[MF]\d+)_F(?P<file>\d+)_(?P<emotion>[AHNS])(?P<number>\d+)")
    EMOTIONS = {"a": "angry", "h": "happy", "n": "neutral", "s": "sad"}
    EXAMPLE = "Angry/SM1_F10_A010.wav"
    OBTAIN = "Clone https://github.com/siddiquelatif/URDU-Dataset (free, no registration)."

    def speaker(self, match: re.Match[str]) -> str:
        return match["speaker"].upper()

    def gender(self, match: re.Match[str]) -> str:
        return match["speaker"][1].upper()


urdu = Corpus(
    name="urdu",
    builder=Urdu,
    labels=USUAL,
    environment="EMOZOO_URDU",
    obtain=Urdu.OBTAIN,
    licence="the release names no licence that emozoo knows; see https://github.com/siddiquelatif/URDU-Dataset",
    language="ur",
    summary="400 utterances of Urdu talk shows in 4 emotions, audio",
    citation="S. Latif, A. Qayyum, M. Usman and J. Qadir, Cross Lingual Speech Emotion Recognition: Urdu vs. Western "
    "Languages, FIT 2018",
)
CORPORA = (tess, savee, emovo, shemo, subesco, cafe, esd, mesd, emov_db, jl, urdu)
