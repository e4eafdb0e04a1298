"""English for the tiny model: phrases of a contact center, voices of both engines, their phones as ARPAbet."""

from collections.abc import Iterable

from models.mini import tts
from models.mini.language import ESPEAK_VARIANTS, Language
from models.mini.phrases import Grammar, alternatives
from models.mini.tts import SILENCE, Phone, Voice

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TENS = ["ten", "eleven", "twelve", "fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "ninety"]

_SLOTS = {
    "name": "john|mary|david|sarah|michael|anna|james|lisa|robert|emma|smith|johnson|brown|taylor|wilson",
    "day": "monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|yesterday",
    "when": "this morning|last week|last month|two days ago|three weeks ago|yesterday|last night|an hour ago|next week",
    "product": "phone|internet|television|router|modem|laptop|printer|account|card|subscription|service|order|package"
    "|computer|tablet|software",
    "issue": "is not working|is broken|is too slow|keeps dropping|stopped working|is still missing|never arrived|was damaged"
    "|has an error|is locked",
    "thing": "bill|invoice|payment|refund|account|order|subscription|contract|password|address|email|delivery|appointment|complaint"
    "|discount|warranty|balance|plan",
    "verb": "check|change|update|cancel|review|confirm|verify|discuss",
    "dept": "billing|sales|technical support|customer service|the fraud team|the returns department|my supervisor|a manager"
    "|the shipping team",
    "emo": "very unhappy|really frustrated|quite upset|so angry|very happy|satisfied|disappointed|a little confused"
    "|worried|pleased",
    "adj": "great|terrible|excellent|awful|helpful|rude|wonderful|horrible|perfect|unacceptable|ridiculous|amazing",
    "money": "ten dollars|twenty dollars|fifty dollars|one hundred dollars|two hundred dollars|fifteen dollars|ninety nine dollars"
    "|thirty five dollars",
    "num3": "{d} {d} {d}",
    "num4": "{d} {d} {d} {d}",
    "num6": "{d} {d} {d} {d} {d} {d}",
    "time": "nine in the morning|ten in the morning|two in the afternoon|four in the afternoon|noon|six in the evening"
    "|half past three",
    "dur": "five minutes|ten minutes|two hours|three days|one week|a few seconds|one moment|twenty four hours",
}
_TEMPLATES = """
hello
hello thank you for calling
thank you for calling {dept} my name is {name}
good morning how can i help you today
good afternoon this is {name} speaking
hi this is {name} how may i help you
hi i am calling about my {product}
i am calling about my {thing}
i want to {verb} my {thing}
i would like to {verb} my {thing} please
can you help me {verb} my {thing}
can i have your name please
can i have your account number please
my account number is {num6}
my order number is {num4}
the reference number is {num3}
my phone number is {num6}
my name is {name}
my {product} {issue}
my {product} {issue} since {day}
i ordered a {product} {when} and it {issue}
i have a problem with my {product}
i was charged {money} twice
there is a charge of {money} on my {thing}
i want a refund
i want my money back
i need a refund of {money}
why is my {thing} so high this month
your service is {adj}
this is {adj}
that is {adj} thank you
i am {emo} with your service
i am {emo} about this
i want to speak to {dept}
let me transfer you to {dept}
please transfer me to {dept}
let me check that for you
please hold for {dur}
please wait {dur}
one moment please
i will send you an email
i will call you back on {day} at {time}
your appointment is on {day} at {time}
your {thing} will arrive on {day}
your {thing} has been updated
your refund will take {dur}
i understand and i am sorry about that
i am sorry to hear that
i apologize for the delay
is there anything else i can help you with
no that is all thank you
yes please
yes that is correct
no that is wrong
no thank you
okay
okay thank you very much
thank you goodbye
have a nice day
have a great day goodbye
you have been waiting for {dur}
i have been waiting for {dur}
i have been on hold for {dur}
i want to cancel my {product} because it {issue}
i want to close my account
i am going to cancel and switch to another company
i will never use your service again
can you give me a discount on my {thing}
do you have any offers for new customers
what is the price of the new {product}
it costs {money} a month
can you repeat that please
could you spell your name please
i did not receive my {thing}
where is my {thing}
when will my {product} arrive
did you restart the {product}
please turn off the {product} and turn it on again
please enter your password
i forgot my password
i cannot log in to my {product}
the website is not working
this call may be recorded for quality and training
for security reasons please confirm your date of birth
please confirm your address and phone number
are you ready to continue
that sounds {adj}
i do not understand
let me explain the problem
the technician will come on {day} at {time}
has the issue been resolved
yes the problem is solved
how would you rate our service today
"""

VOICES = (
    *[Voice(engine="espeak", name="en-us")] * 4,
    *(Voice(engine="espeak", name=name) for name in ("gmw/en-US-nyc", "gmw/en", "gmw/en")),
    *(Voice(engine="espeak", name=f"en-us+{variant}") for variant in ESPEAK_VARIANTS),
    *(Voice(engine="flite", name=name) for name in ("kal", "kal16", "rms", "rms", "awb", "awb", "slt") * 2),
)
ACCENTS = {
    "flite": Voice(engine="flite", name="rms"),
    "us": Voice(engine="espeak", name="en-us"),
    "gb": Voice(engine="espeak", name="gmw/en"),
}

ARPABET = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY",
    "F", "G", "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY",
    "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
_ESPEAK_BY_SOUND = {
    "AA": "A: 0",
    "AE": "a aa",
    "AH": "@ V a# @2",
    "AH L": "@L",
    "AO": "O2 O:",
    "AW": "aU",
    "AY": "aI aI2",
    "CH": "tS",
    "DH": "D",
    "EH": "E",
    "ER": "3: VR IR",
    "EY": "eI",
    "HH": "h",
    "IH": "I I2 I#",
    "IY": "i: i",
    "JH": "dZ",
    "NG": "N",
    "OW": "oU",
    "OY": "OI",
    "R": "r-",
    "SH": "S",
    "T": "t# t[ t2",
    "TH": "T",
    "UH": "U",
    "UW": "u:",
    "W": "w#",
    "Y": "j",
    "ZH": "Z",
    tts.NO_SOUND: ";",
}
_PLAIN = "ntsmdrklzwpfvbg"
"""Letters whose espeak phone is the ARPAbet one in lower case."""

_ESPEAK = (
    {SILENCE: SILENCE}
    | {letter: letter.upper() for letter in _PLAIN}
    | {name: sound for sound, names in _ESPEAK_BY_SOUND.items() for name in names.split()}
)
_RHOTIC = {"3": "ER", "O@": "AO R", "o@": "AO R", "U@": "UH R", "e@": "EH R", "A@": "AA R", "i@": "IH R", "i@3": "IH R"}
_NON_RHOTIC = {"3": "AH", "O@": "AO", "o@": "AO", "U@": "UH", "e@": "EH AH", "A@": "AA", "i@": "IH AH", "i@3": "IH AH"}
_FLITE = {SILENCE: SILENCE, "ax": "AH", "axr": "ER", **{name.lower(): name for name in ARPABET}}


def is_american(voice: Voice) -> bool:
    """Whether an espeak voice pronounces its final r."""
    return "us" in voice.name.lower()


def accent(voice: Voice) -> str:
    """Which of the ACCENTS a voice speaks."""
    if voice.engine == "flite":
        return "flite"
    return "us" if is_american(voice) else "gb"


def arpabet(phones: Iterable[Phone], voice: Voice) -> tuple[Phone, ...]:
    """English phones of either engine under their ARPAbet names."""
    table = _FLITE if voice.engine == "flite" else _ESPEAK | (_RHOTIC if is_american(voice) else _NON_RHOTIC)
    return tts.renamed(phones, table)


ENGLISH = Language(
    tag="en",
    grammar=Grammar(templates=_TEMPLATES.strip().split("\n"), slots=alternatives(_SLOTS) | {"d": DIGITS}, words=TENS),
    voices=VOICES,
    accents=ACCENTS,
    accent=accent,
    phones=arpabet,
)
