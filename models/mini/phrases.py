"""The phrases of a contact center that the tiny model knows: templates with slots.

Whatever is to be recognised must be made of these words, best in these orders. To teach the model more, add
here and rebuild.
"""

import random
import re
from collections.abc import Sequence

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
SLOTS = {name: values.split("|") for name, values in _SLOTS.items()} | {"d": DIGITS}

TEMPLATES = """
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
""".strip().split("\n")

_SLOT = re.compile(r"\{(\w+)\}")


def vocabulary() -> list[str]:
    """Every word the model can print, sorted."""
    texts = [*TEMPLATES, *(value for values in SLOTS.values() for value in values)]
    return sorted({*TENS, *(word for text in texts for word in _SLOT.sub(" ", text).split())})


def sentences(count: int, seed: int) -> list[str]:
    """Random sentences; every template is visited, a quarter are two templates in a row."""
    rng = random.Random(seed)
    out = []
    for position in range(count):
        template = TEMPLATES[position % len(TEMPLATES)] if rng.random() < 0.6 else rng.choice(TEMPLATES)
        more = [rng.choice(TEMPLATES)] if rng.random() < 0.25 else []
        out.append(" ".join(_fill(part, rng) for part in [template, *more]))
    return out


def word_salad(count: int, seed: int) -> list[str]:
    """Random word strings, so that every word is heard beside many others, not only in its template."""
    rng = random.Random(seed)
    words = vocabulary()
    return [" ".join(rng.choices(words, k=rng.randint(3, 6))) for _ in range(count)]


def spoken_words(text: str) -> list[str]:
    """The words of written text: lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def unknown_words(text: str, known: Sequence[str]) -> list[str]:
    """Words of `text` that are not in `known`."""
    return [word for word in spoken_words(text) if word not in known]


def _fill(template: str, rng: random.Random) -> str:
    return _SLOT.sub(lambda slot: _fill(rng.choice(SLOTS[slot.group(1)]), rng), template)
