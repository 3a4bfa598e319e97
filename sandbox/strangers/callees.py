"""Who answers the telephone, in free wording, and what should come of each call. Data; `Callee` leads one call."""

import re
import time
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from sound import NARROW, at_level, pink_noise, resample, telephone_band
from voices import PIPER

SPEECH_DBFS = -22.0
LINE_NOISE_DBFS = -62.0
BOOKED = {"booked", "booked_alternative"}
FULL = {"declined"}
TOO_LATE = {"offer_outside_limits", "declined"}


@dataclass(eq=False)
class Stranger:
    """One call: who answers, and what should be in its row afterwards."""

    name: str
    number: str
    language: str
    voice: str
    lines: list[str]
    """The greeting, then one answer for each turn of the agent, then nothing but the farewell."""
    farewell: str
    outcomes: set[str]
    time: str | None = None
    """The agreed time, HH:MM, where a table should be booked."""
    room: str = "quiet"
    hint: bool = False
    """The row has a language hint; otherwise only the number's country speaks for the language."""
    slowness: float = 1.0
    zone: str = "Europe/London"
    extra: dict = field(default_factory=dict)


def _english(name, ending, lines, farewell, outcomes, time=None, **more):
    return Stranger(name, f"+4420794602{ending:02}", "en", PIPER, lines, farewell, outcomes, time, **more)


def _other(language, name, number, voice, zone, lines, farewell, outcomes, time=None, **more):
    return Stranger(name, number, language, voice, lines, farewell, outcomes, time, zone=zone, **more)


STRANGERS = [
    _english(
        "gives the table", 1,
        ["Golden Lion, good evening, how may I help?",
         "Let me see. Yes, half past seven for four is no problem at all. What name shall I put that under?",
         "Lovely. That's all booked for you, we'll see you then."],
        "Thank you, bye bye.", BOOKED, "19:30"),
    _english(
        "offers eight", 2,
        ["Good evening, Harbour Lights, Susan speaking.",
         "Half past seven's gone, I'm afraid, but I could squeeze you in at eight.",
         "And whose name is it, please?",
         "Perfect, I've put you down for eight o'clock."],
        "See you on the day. Bye now.", BOOKED, "20:00"),
    _english(
        "is full", 3,
        ["Hello, Blue Anchor.",
         "Oh, I'm terribly sorry, we're completely full that night.",
         "No, nothing at all, I'm sorry."],
        "Bye.", FULL),
    _english(
        "wants name, spelling, number", 4,
        ["Corner Table, hello?",
         "Sure, that's fine. Could I take a name for the booking?",
         "How do you spell that?",
         "And a phone number, in case anything comes up?",
         "Great, you're all set, your table is booked."],
        "Thanks, goodbye.", BOOKED, "19:30"),
    _english(
        "corrects the read-back", 5,
        ["Hi there, this is the Old Mill.",
         "Yes, we can do that. What's the name?",
         "No, sorry, that's wrong. Half past seven is taken. It would have to be eight o'clock.",
         "All right, eight o'clock then, that's booked."],
        "Bye.", BOOKED, "20:00"),
    _english(
        "has only ten o'clock", 6,
        ["Good evening, you're through to the Night Kitchen.",
         "We've only got a table at ten o'clock that evening.",
         "No, ten o'clock is all I have."],
        "All right then, goodbye.", TOO_LATE),
    _english(
        "half seven, colloquial", 7,
        ["Yeah, hello, Night Owl, Jane here, what can I do for you?",
         "For four at half seven? Yep, we can do that. What's the name?",
         "Brilliant, that's sorted for you."],
        "Cheers, bye.", BOOKED, "19:30"),
    _english(
        "did not catch it", 8,
        ["The Golden Fork, hello.",
         "Sorry, it's rather loud in here, could you say that again, please?",
         "Ah, right. Yes, we have a table for four at seven thirty. Under which name?",
         "Thank you, your reservation is confirmed."],
        "Goodbye.", BOOKED, "19:30"),
    _english(
        "radio 24 dB below", 9,
        ["Hello, Corner House, what can I do for you?",
         "Yes, that works, we have a table at half past seven. What name is it?",
         "Okay, it's booked."],
        "Thank you, bye.", BOOKED, "19:30", room="radio"),
    _english(
        "babble 15 dB below", 10,
        ["Good evening, the Red Barn.",
         "Yes, of course, seven thirty is fine. May I have your name?",
         "Wonderful, the table is reserved for you."],
        "Thank you, goodbye.", BOOKED, "19:30", room="babble"),
    _english(
        "noise 15 dB below", 11,
        ["Hello, Bella Italia, Marco speaking.",
         "We have nothing at seven thirty, but at a quarter to eight I have a nice table.",
         "What name, please?",
         "Very good, quarter to eight, four people, it's done."],
        "Thank you, ciao.", BOOKED, "19:45", room="noise"),
    _other(
        "de", "gives the table", "+493023125201", "de+f4", "Europe/Berlin",
        ["Gasthaus zur Linde, guten Abend.",
         "Ja, das geht, um halb acht haben wir noch etwas frei. Auf welchen Namen darf ich reservieren?",
         "Gut, ich habe den Tisch für Sie reserviert."],
        "Vielen Dank, auf Wiederhören.", BOOKED, "19:30"),
    _other(
        "de", "offers eight", "+493023125202", "de+m7", "Europe/Berlin",
        ["Restaurant Adler, hallo?",
         "Um halb acht ist leider schon alles voll, aber um zwanzig Uhr hätte ich noch einen Tisch.",
         "Und auf welchen Namen?",
         "Wunderbar, der Tisch ist reserviert."],
        "Tschüss, auf Wiederhören.", BOOKED, "20:00", hint=True),
    _other(
        "es", "gives the table", "+34910000201", "es+m7", "Europe/Madrid",
        ["Restaurante La Cueva, buenas noches, dígame.",
         "Sí, tenemos una mesa para cuatro a las siete y media. ¿A qué nombre?",
         "Muy bien, la mesa está reservada."],
        "Gracias, hasta luego.", BOOKED, "19:30"),
    _other(
        "nl", "is full", "+31200000201", "nl+f4", "Europe/Amsterdam",
        ["Goedenavond, restaurant De Eik.",
         "Het spijt me, we zijn die avond helemaal vol.",
         "Nee, helaas, we hebben niets meer."],
        "Dank u wel, tot ziens.", FULL, hint=True),
]

HEARD = {
    "goodbye": r"goodbye|wiederhören|adiós|tot ziens",
    "again": r"repeat|say that again|did( not|n't) (understand|catch)|wiederholen|nicht verstanden|repetir|no (le )?he entendido|herhalen|niet verstaan",
    "there": r"still there|noch da|sigue (usted )?ahí|bent u (er )?nog",
    "doubted": r"(i understood|ich habe verstanden|he entendido|ik heb verstaan): (.*?)\. (is that right|ist das richtig|¿es correcto|klopt dat)",
    "request": r"\b(table|tisch|mesa|tafel|booking)\b",
}
YES = {"en": "Yes, that's right.", "de": "Ja, richtig.", "es": "Sí, correcto.", "nl": "Ja, dat klopt."}
STILL_HERE = {"en": "Yes, I'm here.", "de": "Ja, ich bin noch da.", "es": "Sí, estoy aquí.", "nl": "Ja, ik ben er nog."}
ANYBODY = {"en": "Hello? Are you still there?", "de": "Hallo? Sind Sie noch da?", "es": "¿Oiga? ¿Sigue ahí?", "nl": "Hallo? Bent u er nog?"}
PAUSE, AFTER_GREETING, IMPATIENT, GONE = 1.2, 6.0, 9.0, 22.0
"""Silence, s, after which a callee answers; and where the caller has not said what they want; asks; hangs up."""


class Callee:
    """Leads one call. It takes its turn by what it hears on the line; what the words were, it knows from the voice's server."""

    def __init__(self, stranger: Stranger, voices, said, patience: float):
        self._stranger, self._said, self._patience = stranger, said, patience
        texts = [*stranger.lines, stranger.farewell, YES[stranger.language], STILL_HERE[stranger.language], ANYBODY[stranger.language]]
        self._sounds = {text: on_the_line(*voices.say(text, stranger.voice, stranger.slowness)) for text in texts}
        self.log = []

    def lead(self, call) -> None:
        stranger, place, asked, since = self._stranger, 0, False, time.monotonic()
        time.sleep(0.3)
        self._say(call, stranger.lines[0])
        while not call.over.is_set():
            time.sleep(0.05)
            if call.speaks() or call.quiet_for() < PAUSE:
                continue
            words = self._said(since).lower() if call.last_heard > call.last_said else ""
            heard = {what for what, pattern in HEARD.items() if re.search(pattern, words)}
            if not words:
                if call.quiet_for() > GONE * self._patience:
                    return self._end(call, "hangs up: nobody speaks")
                if call.quiet_for() > IMPATIENT * self._patience and not asked:
                    asked = True
                    self._say(call, ANYBODY[stranger.language])
                continue
            if place == 0 and not heard and call.quiet_for() < AFTER_GREETING:
                continue
            since, asked = time.monotonic(), False
            self.log.append(f"agent: {words}")
            if "goodbye" in heard:
                self._say(call, stranger.farewell)
                return self._end(call, "hangs up")
            if "there" in heard:
                self._say(call, STILL_HERE[stranger.language])
            if "doubted" in heard and self._quoted(words, stranger.lines[place]):
                self._say(call, YES[stranger.language])
                continue
            told = place == 0 and "request" in heard
            if heard & {"again", "there", "doubted"} and not told:
                self._say(call, stranger.lines[place])
                continue
            place += 1
            self._say(call, stranger.lines[place] if place < len(stranger.lines) else stranger.farewell)
            if place > len(stranger.lines) + 2:
                return self._end(call, "hangs up: enough said")

    def _quoted(self, words: str, line: str) -> bool:
        """Whether they have understood about what we said."""
        quoted = re.search(HEARD["doubted"], words)[2]
        return SequenceMatcher(None, quoted, line.lower()).ratio() > 0.6

    def _say(self, call, text: str) -> None:
        self.log.append(f"callee: {text}")
        call.say(self._sounds[text])

    def _end(self, call, why: str) -> None:
        self.log.append(f"({why})")
        deadline = time.monotonic() + 15
        while (call.speaks() or call.quiet_for() < 0.8) and not call.over.is_set() and time.monotonic() < deadline:
            time.sleep(0.05)


def on_the_line(samples: np.ndarray, rate: int) -> np.ndarray:
    return at_level(telephone_band(resample(samples, rate, NARROW)), NARROW, SPEECH_DBFS)


def room(stranger: Stranger, voices) -> np.ndarray:
    """The sound of the room, 20 s that repeat."""
    seconds = 20
    line = pink_noise(seconds, LINE_NOISE_DBFS, seed=1)
    if stranger.room == "noise":
        return telephone_band(pink_noise(seconds, SPEECH_DBFS - 15, seed=2))
    if stranger.room == "radio":
        return _fitted([_talk("en-us+m3", voices)], seconds, SPEECH_DBFS - 24) + line
    if stranger.room == "babble":
        talkers = [_talk(voice, voices) for voice in ("en-us+f2", "en-us+m1", "en-us+m5", "en-us+f5", "en-gb+m4", "en-gb+f3", "en-gb+m6", "en-us+f1")]
        return _fitted(talkers, seconds, SPEECH_DBFS - 15) + line
    return line


NEWS = (
    "And now the news at nine. The city council has decided to close the bridge for two weeks in December. Trains to the north "
    "are late this evening because of a broken signal. The weather: rain in the morning, sunny later, about eleven degrees. "
    "In football, the home team won by three goals to one."
)


def _talk(voice: str, voices) -> np.ndarray:
    return resample(*voices.say(NEWS, voice), NARROW)


def _fitted(talkers: list[np.ndarray], seconds: int, dbfs: float) -> np.ndarray:
    mixed = np.zeros(seconds * NARROW, dtype=np.float64)
    for nth, talker in enumerate(talkers):
        mixed += np.roll(np.resize(talker.astype(np.float64), len(mixed)), nth * 3 * NARROW)
    return telephone_band(at_level(np.clip(mixed / len(talkers), -32768, 32767), NARROW, dbfs))
