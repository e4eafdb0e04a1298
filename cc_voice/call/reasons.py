"""Reasons why a metric is NULL: stable codes, and what they mean to the person who reads the screen.

A number that could not be measured is never 0. Every NULL metric of a leg has exactly one row with one of these codes; the first
obstacle in the metric's list of needs (`call/metrics/preconditions.py`) is the one named.
"""

from collections.abc import Iterable

import msgspec

from cc_voice.config.thresholds import ThresholdSet, told

REASONS: dict[str, str] = {  # thresholds are places in these texts; `explain` tells them
    "mixed_audio": "All parties are on one audio channel, so who spoke cannot be told apart.",
    "same_audio": "Both parties' channels carry the same sound, as of a mono recording, so who spoke cannot be told apart.",
    "one_way_audio": "Only one party can be heard on this call.",
    "no_audio": "Neither party's audio arrived.",
    "roles_unknown": "Nothing says which channel is the agent and which the customer.",
    "party_not_joined": "Some audio names its speaker otherwise than the call's channels do, so whose it is cannot be told.",
    "clock_in_seconds": "Zoom's clock told whole seconds only, so when something was said is known to a second at best.",
    "packets_odd": "The audio came in packets that do not fit the time they claim: part of it is missing, or its speed unknown.",
    "too_many_parties": "More people were heard than a call's recording holds (128): what the others said is missing.",
    "call_too_long": "The call went on for longer than a recording lasts (24 h): what was said after that is missing.",
    "audio_lost": "Too much of what was said arrived damaged or at a time that cannot be: it is missing.",
    "too_short": "Less than {min_analysed_s} s of analysed time: only durations are given.",
    "no_agent_answered": "No agent answered this call.",
    "no_answer_time": "The source does not say when the agent answered.",
    "no_events": "The recording came without platform events, so hold and transfers are not known.",
    "no_hold_in_product": "This kind of call has no hold, transfer or monitoring.",
    "not_imported": "Wrap-up time has not been imported from Zoom Contact Center.",
    "setting_off": "Switched off by a setting of this site.",
    "no_word_source": "No speech model for this call's language is installed and Zoom sent no transcript.",
    "language_without_model": "No speech model for the language spoken is installed and Zoom sent no transcript of it.",
    "no_words": "No word was recognised.",
    "too_few_words": "Fewer than {min_wpm_words} words, or characters of scripts without spaces: too few for a talk speed.",
    "too_little_speech": "Less than {min_wpm_talk_s} s of speech: too little for a talk speed.",
    "mixed_talk_speed_units": "The parties' languages are measured in different units; see the talk speed per language.",
    "zoom_words_only": "The words come from Zoom's transcript, which gives no confidences.",
    "one_recogniser": "Only one recogniser’s words are known, so there is nothing to compare them with.",
    "nothing_compared": "Our recogniser and Zoom’s transcript never heard the same speech in the same language.",
    "no_sentiment_model": "There is a word list of English only, or the call was measured without it.",
    "low_confidence": "The recogniser was too unsure of the customer’s words (confidence below {low_conf}).",
    "too_few": "Too few utterances of the customer could be scored: fewer than 5 in the leg, or none in this quarter of it.",
    "no_phrase_list": "There is no list of wait phrases for the agent's language, so a silence cannot be called unannounced.",
    "language_fixed": "The call could be in one language only, so it was not asked which was spoken.",
    "no_language_evidence": "Nothing told the language spoken: Zoom sent no transcript, and no two speech models were compared.",
    "no_provider_words": "Zoom sent no transcript: a speech model writes all words in its own language, so none can be told apart.",
    "no_word_list": "There is no word list of a language spoken here, so words of another in it cannot be told.",
    "no_recogniser": "No speech model is in use here, so none can be missing for a language.",
    "no_pairs": "No turn of one party directly followed a turn of the other.",
    "no_turns": "The party held no turn.",
    "no_speech": "Nobody spoke.",
    "party_did_not_speak": "This party said nothing in analysed time.",
    "too_few_spoken_seconds": "Too little speech to know how loud this party usually is (10 s).",
    "no_noise": "Between the words there is nothing to measure: the line is silent there, or never without speech or music.",
    "no_levels": "The audio was heard by an earlier version, which did not measure levels.",
    "earlier_version": "An earlier version measured this call without it; cc-voice recompute measures it.",
    "no_question_patterns": "The agent's language is neither punctuated nor one whose questions we can tell by the order of words.",
    "filler_recall_untested": "Speech models often leave hesitations out, and it was not tested how often the installed one does.",
    "later_leg": "Only the first agent's answer is timed: a transfer has no ringing in the stream.",
    "agent_did_not_speak": "The agent did not speak.",
}

UNSURE = ("party_not_joined", "clock_in_seconds", "packets_odd", "too_many_parties", "call_too_long", "audio_lost")
"""Parties can be heard, and what is counted of them would be wrong."""
MIXED = ("mixed_audio", "same_audio")
"""Reasons of calls whose parties can be heard, if only together."""


def explain(code: str, sets: Iterable[ThresholdSet]) -> str | None:
    """Return a reason in words, for what was measured with these thresholds; None for a code that is none."""
    return told(REASONS[code], sets) if code in REASONS else None


class Unmeasured(msgspec.Struct, frozen=True):
    """Stands where a number would: the metric could not be measured, for a reason out of `REASONS`."""

    reason: str


Value = int | float | str | Unmeasured
"""What a metric is: a number, a flag (bool is an int), a word for a unit or method, or the reason why there is none."""

Metrics = dict[str, Value]
"""Column of fact_leg → value."""


def percent(part: int, whole: int, reason: str) -> Value:
    """Return 100 · part / whole, or the reason when there is no whole."""
    return 100 * part / whole if whole else Unmeasured(reason)
