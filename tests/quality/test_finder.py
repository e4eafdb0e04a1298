"""Finder: cards, codes, dates, ids and what is none of them, in phrases of people and on what recognisers make of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.finder import SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import OFF, RedactionPolicy
from tests.conftest import corpus_dir
from tests.quality.spoken import redacted, said, shown

CARD = "four one one one one one one one one one one one one one one one"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", CARD),
        ("en", "4111 1111 1111 1111"),
        ("en", "4111-1111-1111-1111."),
        ("en", "forty one eleven eleven eleven eleven eleven eleven eleven"),
        ("en", "forty one hundred eleven eleven hundred eleven eleven eleven eleven eleven"),
        ("en", "four triple one um double one er double one and then triple one triple one double one"),
        ("en", "four one's 1111 four ones one one one one four"),
        ("en", "number4111 1111x 1111 1111"),
        ("en", "４１１１ ١١١١ ११११ 1111"),
        ("en", "cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno uno"),
        ("en", "viertausendeinhundertelf elfhundertelf elfhundertelf elfhundertelf"),
        ("es", "cuatro mil ciento once mil ciento once mil ciento once mil ciento once"),
        ("es", "cuarenta y uno once once once once once once once"),
        ("es", "cuatro uno dos ceros cuatro unos tres veces el cinco doble cero uno uno dos dos"),
        ("de", "vier eins eins eins doppel eins zwei mal die eins dreimal die null zwo zwo zwo zwo zwo zwo"),
        ("de", "viereinseinseins doppelnull einseinseinseins einseinseinseins einseinseinszwei"),
        ("de", "ein und vierzig elf elf elf elf elf elf elf"),
        (
            "fr",
            "quatre mille cent onze quatre-vingt-dix-neuf soixante et onze soixante-dix-huit deux fois le quatre deux fois zéro",
        ),
        ("fr", "cinq quatre trois deux un deux fois le zéro quatre quatre quatre quatre un un un"),
        ("it", "4111 1111 1111 1111"),
        ("ja", "4111111111111111"),
    ],
)
def test_a_long_number_is_hidden_without_being_asked_for(language: str, text: str) -> None:
    (left,) = redacted(f"customer: {text}", language=language)
    assert left in ("[CARD_NUMBER]", "[NUMBER]")


@pytest.mark.parametrize(
    "turns",
    [
        [
            "customer: four one one one",
            "agent: okay",
            "customer: one one one one",
            "customer: one one one one",
            "agent: go on",
            "customer: one two three four",
        ],
        [
            "customer: four one one one",
            "agent: four one one one",
            "customer: one one one one",
            "agent: one one one one",
            "customer: nine nine nine nine eight",
        ],
        [
            "3000> customer: four one one one",
            "3500> customer: one one one one",
            "3500> customer: sorry no one one one two",
            "3000> customer: one one one one",
        ],
        ["customer: four", *["900> customer: one"] * 15],
        [f"customer: {CARD}", f"customer: {CARD}"],
        ["customer: four one one one for to five five six six seven seven oh eight"],
    ],
)
def test_a_number_is_one_over_pauses_turns_and_corrections(turns: list[str]) -> None:
    left = " ".join(redacted(*turns))
    assert not set(left.replace("[", " ").split()) & set(f"{CARD} two three five six seven oh eight nine".split()), left


@pytest.mark.parametrize(
    "turns",
    [
        ["agent: may i have your card number", "customer: 41111111", "agent: sorry my phone is breaking up", "customer: 1111 1111"],
        ["customer: 4111 1111", "agent: hold on let me open the order", "customer: 1111 1111"],
        [
            "agent: el número de tarjeta",
            "customer: cuatro uno uno uno uno uno uno",
            "agent: un momento mi teléfono",
            "customer: uno uno uno uno uno uno",
        ],
    ],
)
def test_a_card_that_another_matter_breaks_in_two_is_hidden(turns: list[str]) -> None:
    left = redacted(*turns)
    assert (left[-3].rpartition(": ")[2], left[-1]) == ("[CARD_NUMBER]", "[CARD_NUMBER]")


def test_a_telephone_number_after_the_end_of_a_card_stays() -> None:
    left = redacted(
        "agent: the last four of your card number", "customer: 4242", "agent: and your phone number", "customer: 715 139 0787"
    )
    assert left[1::2] == ["[CARD_NUMBER]", "715 139 0787"]


def test_what_follows_a_card_has_a_name_of_its_own() -> None:
    assert redacted(
        "agent: may i have the card number please",
        f"customer: yes it's {CARD}",
        "agent: thank you and the expiration date",
        "customer: april twenty seven",
        "agent: and the three digits on the back",
        "customer: one two three",
        "agent: and the one time code we sent you",
        "customer: nine nine one one two two",
    ) == [
        "may i have the card number please",
        "yes it's [CARD_NUMBER]",
        "thank you and the expiration date",
        "[EXPIRY]",
        "and the three digits on the back",
        "[CVV]",
        "and the one time code we sent you",
        "[CODE]",
    ]


@pytest.mark.parametrize(
    ("language", "turns", "chip"),
    [
        ("en", ["agent: the card number", "customer: four one one one"], "[CARD_NUMBER]"),
        ("en", ["agent: and the c v v", "customer: it is nine one two"], "[CVV]"),
        ("en", ["customer: nine one two is the security code"], "[CVV]"),
        ("en", ["agent: when does it expire", "customer: 04/27"], "[EXPIRY]"),
        ("en", ["agent: what is your pin", "customer: eight eight four two"], "[CODE]"),
        ("es", ["agent: el código de seguridad", "customer: nueve uno dos"], "[CVV]"),
        ("es", ["agent: cuándo caduca", "customer: cero cuatro veintisiete"], "[EXPIRY]"),
        ("de", ["agent: und die Prüfnummer", "customer: neun eins zwei"], "[CVV]"),
        ("de", ["agent: wann läuft die Karte ab", "customer: null vier siebenundzwanzig"], "[EXPIRY]"),
        ("fr", ["agent: le cryptogramme au dos", "customer: neuf un deux"], "[CVV]"),
        ("fr", ["agent: la date d'expiration", "customer: zéro quatre vingt-sept"], "[EXPIRY]"),
        ("en", ["agent: el código de seguridad", "customer: nueve uno dos"], "[CVV]"),
        ("en", ["customer: 5500 1234 8888", "agent: and the security code please", "customer: 123"], "[CARD_NUMBER]"),
    ],
)
def test_short_numbers_are_hidden_where_they_were_asked_for(language: str, turns: list[str], chip: str) -> None:
    assert any(chip in line for line in redacted(*turns, language=language))


@pytest.mark.parametrize(
    ("language", "turns"),
    [
        ("en", ["agent: your balance is one hundred and thirty four dollars", "customer: thank you"]),
        ("en", ["customer: my phone number is seven one five one three nine oh seven eight seven"]),
        ("en", ["customer: it's 70023", "agent: did you say 70023", "customer: yes the zip code is 70023 70023"]),
        ("en", ["customer: for one moment i thought it was the one for two people"]),
        ("en", ["agent: three to five business days", "customer: the order number is 1 2 3 4 5 6 7"]),
        ("en", ["customer: i lost my credit card my address is nine ten first street"]),
        ("en", ["customer: we met at 10 o'clock on the 21st", "agent: between 8 a.m. and 10 a.m."]),
        ("en", ["agent: the next four digits please", "customer: just a second"]),
        ("es", ["agent: son ciento treinta y cuatro euros", "customer: una cosa más para dos personas"]),
        ("de", ["agent: das macht dreihundertvierundsechzig Euro", "customer: eine gute Sache"]),
        ("fr", ["agent: c'est cent trente-quatre euros", "customer: c'est une bonne chose"]),
        ("fr", ["customer: mon numéro c'est le zéro six douze trente-quatre cinquante-six soixante-dix-huit"]),
    ],
)
def test_other_numbers_stay_under_pci(language: str, turns: list[str]) -> None:
    lines = said(*turns, language=language)
    assert shown(lines, find(lines, RedactionPolicy())) == [turn.partition(": ")[2] for turn in turns]


def test_numbers_with_a_name_are_hidden_by_their_policy() -> None:
    turns = (
        "agent: your social security number",
        "customer: one two three four five six seven eight nine",
        "agent: and your date of birth",
        "customer: march third nineteen eighty four",
        "agent: your phone number",
        "customer: 715 139 0787",
        "agent: the zip code",
        "customer: seven zero zero two three",
        "agent: account number please",
        "customer: d e eight nine three seven zero four",
        "agent: e mail",
        "customer: it is john dot smith at gmail dot com or j.smith@example.org",
    )
    assert redacted(*turns, policy=("pii",))[1::2] == [
        "[NATIONAL_ID]",
        "[DATE_OF_BIRTH]",
        "[PHONE]",
        "[ADDRESS]",
        "d e [ACCOUNT]",
        "it is [EMAIL] or [EMAIL]",
    ]
    assert redacted(*turns)[1::2] == [turn.partition(": ")[2] for turn in turns[1::2]]


def test_an_address_takes_no_number_before_it_along() -> None:
    turns = [
        "agent: postleitzahl und mail",
        "customer: eins null eins eins fünf",
        "customer: max punkt muster",
        "customer: ät gmx punkt de",
    ]
    assert redacted(*turns, policy=("pii",), language="de")[1:] == ["[ADDRESS]", "[EMAIL]", "[EMAIL]"]
    (left,) = redacted("customer: zip code 70023 jo@example.org", policy=("pii",))
    assert left == "zip code [ADDRESS] [EMAIL]"


@pytest.mark.parametrize("text", ["123-45-6789", "one two three dash four five dash six seven eight nine", "123 45 6789"])
def test_nine_digits_in_three_two_and_four_are_a_national_id(text: str) -> None:
    assert redacted(f"customer: {text}", policy=("ssn",)) == ["[NATIONAL_ID]"]
    assert redacted(f"customer: {text}") == [text]


def test_any_number_is_hidden_where_that_is_the_policy() -> None:
    assert redacted("customer: 12345 items and 1234 more", policy=("numbers",)) == ["[NUMBER] items and 1234 more"]
    assert redacted("customer: one two three and 45 dollars", policy=("aggressive",)) == ["[NUMBER] and 45 dollars"]


def test_the_last_four_stay_where_a_site_keeps_them_but_for_a_national_id() -> None:
    turns = ("agent: the last four digits of your card number", "customer: four two four two")
    assert redacted(*turns)[1] == "[CARD_NUMBER]"
    assert redacted(*turns, keep_last4=True)[1] == "four two four two"
    social = ("agent: the last four of your social security number", "customer: four two four two")
    assert redacted(*social, policy=("ssn",), keep_last4=True)[1] == "[NATIONAL_ID]"
    assert redacted(f"customer: the last four are {CARD}", keep_last4=True) == ["the last four are [CARD_NUMBER]"]


def test_a_number_stays_behind_a_word_of_the_site() -> None:
    assert redacted("customer: the imei is 490154203237518")[0] == "the imei is [CARD_NUMBER]"
    assert redacted("customer: the imei is 490154203237518", keep_after=("IMEI",))[0] == "the imei is 490154203237518"
    left = redacted(
        "customer: the imei is 490154203237518", "agent: and the card number", f"customer: {CARD}", keep_after=("imei",)
    )
    assert left[2] == "[CARD_NUMBER]"


def test_a_card_that_is_said_again_later_is_hidden_in_pieces_too() -> None:
    talk = ["agent: let me see what i can do for you about that delivery problem then thanks for waiting there"] * 4
    left = redacted("customer: 5105 1051 0510 5100", *talk, "agent: i have 0510 5100 here is that right")
    assert left[-1] == "i have [CARD_NUMBER] here is that right"


def test_what_one_recogniser_found_hides_the_same_time_in_the_other() -> None:
    local = said(f"customer: my number {CARD} thank you", is_timed=True)
    zoom = said("customer: my number foreign wonder one want won one thank you")
    lines = [*local, msgspec.structs.replace(zoom[0], end_ms=local[0].end_ms)]
    found = find(lines, RedactionPolicy())
    assert shown(lines, found)[0] == "my number [CARD_NUMBER] thank you"
    assert "one" not in shown(lines, found)[1].split()
    assert [each.found_by for each in found] == ["local"] * len(found)
    assert find(lines, OFF) == ()


# -- what was really said --------------------------------------------------------------------------------------------

CORPUS = corpus_dir() or Path("no corpus")


def dialogues() -> Iterator[tuple[str, list[SpokenLine]]]:
    for path in sorted((CORPUS / "dialogues").glob("*.json")):
        yield (
            path.stem,
            [
                SpokenLine(
                    key=str(entry["i"]),
                    channel_id=entry["speaker"],
                    source="zoom",
                    start_ms=entry["start_ms"],
                    end_ms=entry["end_ms"],
                    language="en",
                    words=tuple(map(Word, entry["text"].split())),
                )
                for entry in json.loads(path.read_text()).get("utterances") or ()
            ],
        )


def recognised() -> Iterator[tuple[str, list[SpokenLine]]]:
    for path in sorted((CORPUS / "recogniser").glob("*.json")):
        yield (
            path.stem,
            [
                SpokenLine(
                    key=f"{channel['channel']}-{number}",
                    channel_id=str(channel["channel"]),
                    source="local",
                    start_ms=entry["start_ms"],
                    end_ms=entry["end_ms"],
                    language="en",
                    words=tuple(Word(word["word"], word["start_ms"], word["end_ms"], word["conf"]) for word in entry["words"]),
                )
                for channel in json.loads(path.read_text())["channels"]
                for number, entry in enumerate(channel["utterances"])
            ],
        )


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the speech corpus is not here: put it at ../shared/corpus or set CC_VOICE_CORPUS")
def test_nothing_is_hidden_in_calls_without_a_card() -> None:
    assert {name: shown(lines, found) for name, lines in dialogues() if (found := find(lines, RedactionPolicy()))} == {}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the speech corpus is not here: put it at ../shared/corpus or set CC_VOICE_CORPUS")
def test_of_a_recognisers_words_only_the_end_of_a_card_is_hidden() -> None:
    """One call asks for the last four digits of a card number, and hears `1, 2, 3, 4`."""
    found = {name: [each.digits for each in find(lines, RedactionPolicy())] for name, lines in recognised()}
    assert {name: digits for name, digits in found.items() if digits} == {"aws_demo-agent-leg-1_mono_8k": [4]}
