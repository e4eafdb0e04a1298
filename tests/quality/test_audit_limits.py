"""Audit limits: what is found in lines, texts and bytes, what is left alone there, and that no finding holds a digit."""

import msgspec
import pytest

from cc_voice.quality.redaction.audit_limits import audit_bytes, audit_lines, audit_text, counts
from cc_voice.quality.redaction.chips import chipped
from cc_voice.quality.redaction.finder import find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from tests.quality.spoken import said

CARD = "four one one one one one one one one one one one one one one one"


@pytest.mark.parametrize(
    "text",
    [
        "the card is 4111111111111111 thanks",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        '{"text":"4111111111111111"}',
        f"and {CARD}",
        "five five oh nine one two three four five",
        "cuatro mil ciento once mil ciento once mil ciento once",
        "viertausendeinhundertelf, elfhundertelf, elfhundertelf.",
        "quatre-vingt-dix-neuf soixante et onze quatre mille cent onze trois",
        '[["four",0,300,0.9],["one",300,600,0.9],' + ",".join(f'["one",{n}00,{n + 1}00,0.9]' for n in range(6, 16)) + "]",
        ",".join(f'{{"word":"{word}","start_ms":{n},"end_ms":{n + 1},"conf":0.91}}' for n, word in enumerate(CARD.split())),
        "\n".join(f"utterance-1,{n},{word},{n * 300}" for n, word in enumerate(CARD.split())).replace("utterance-1", "1"),
    ],
)
def test_a_card_in_a_file_is_found_in_figures_and_in_words(text: str) -> None:
    found = audit_text(text)
    assert found
    assert not any(character.isdigit() for each in found for character in each.kind)
    assert audit_bytes(b"\x00\xff\x81" + text.encode())[0].offset >= 3
    assert audit_bytes(text.encode("utf-16-le")) or "٤" in text


@pytest.mark.parametrize(
    "text",
    [
        '{"start_ms":1796040000123,"at_ns":1796040000123456789}',
        "0.4111111111111111,3.4111111111111111e-5",
        "550e8400-e29b-41d4-a716-446655440000",
        "4111111111111112",
        "my phone number is seven one five one three nine oh seven eight seven",
        "one two three four five six seven eight nine ten eleven twelve",
        "the one for two people at nine thirty, one hundred and thirty two dollars",
        "[CARD_NUMBER] and [CVV]",
        "2026-12-01 16:29:45.123456",
    ],
)
def test_ids_times_and_lists_of_words_are_left_alone(text: str) -> None:
    assert audit_text(text) == ()


def test_a_redacted_call_has_nothing_left_and_a_careless_one_has() -> None:
    lines = said("agent: the card number", f"customer: {CARD}", "agent: and the c v v", "customer: one two three")
    policy = RedactionPolicy()
    found = find(lines, policy)
    clean = [
        msgspec.structs.replace(line, words=chipped(line.words, [each for each in found if each.line == number]))
        for number, line in enumerate(lines)
    ]
    assert audit_lines(clean, policy) == ()
    assert counts(audit_lines(lines, policy)) == {"CARD_NUMBER": 1, "CVV": 1}
    careless = said("customer: four one one one one one one one one", "agent: the next one")
    assert find(careless, policy) == ()
    assert [each.digits for each in audit_lines(careless, policy)] == [9]


def test_a_telephone_number_is_no_finding_where_it_may_be_said() -> None:
    lines = said("customer: my phone number is seven one five one three nine oh seven eight seven")
    assert audit_lines(lines, RedactionPolicy()) == ()
    assert audit_lines(lines, RedactionPolicy(classes=("pii",))) != ()


def test_a_short_number_that_stands_twice_in_a_row_is_no_long_one() -> None:
    both = "Yes please. Three zero one one nine seven two.yes please three zero one one nine seven two"
    assert audit_text(both) == ()
    assert audit_text(f"{both}Let me check that for you.") == ()
    assert [each.digits for each in audit_text("four two " * 8)] == [16], "a card may repeat itself"
    longer = "three zero one one nine seven two five eight "
    assert [each.digits >= 9 for each in audit_text(longer * 2)] == [True]
