"""Languages of a call: which ones it may be in, from the settings, the installed models and the queues that its events name."""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.events import CallEvent
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.config.languages import LanguageSettings, QueueLanguages, primary


def site_policy(chosen: LanguageSettings, default: str, installed: Iterable[str]) -> LanguagePolicy:
    """Return the policy of calls whose queue has none: the site's set, else the default and the languages of installed models.

    A set of one language is a fixed language. A set that nobody wrote down is open: what Zoom's words are in may add to it.
    """
    languages = chosen.languages or tuple(installed)
    identify = chosen.identify and (not chosen.languages or _are_several((default, *languages)))
    return LanguagePolicy(default=default, languages=languages, identify=identify, is_open=identify and not chosen.languages)


def call_policy(
    chosen: LanguageSettings, default: str, installed: Iterable[str], events: Sequence[CallEvent] = ()
) -> LanguagePolicy:
    """Return the policy of a call; `default` is what it was announced in.

    A call that goes through several queues may be in the languages of all of them, and begins in the first one's.
    """
    rules = _rules(chosen.queues, events)
    if not rules:
        return site_policy(chosen, default, installed)
    languages = tuple(dict.fromkeys(language for rule in rules for language in rule.languages))
    first = rules[0].default or rules[0].languages[0]
    return LanguagePolicy(default=first, languages=languages, identify=_are_several((first, *languages)))


def unwritten_policy(policy: LanguagePolicy, installed: Iterable[str]) -> LanguagePolicy:
    """Return the policy of a call of which Zoom wrote nothing; another one if its default has no model and one other language has.

    Then there is nothing to compare, and of how sure a recogniser is nothing follows: the small Korean model is 0.67 sure of Korean
    on the telephone, and as sure of English. Who says nothing about languages and installs one model tells by that what is spoken:
    the call is taken to be in it, rather than to have no words. A site that expects others writes them down.
    """
    languages = {primary(language): language for language in installed}
    if not policy.is_open or len(languages) != 1 or primary(policy.default) in languages:
        return policy
    return msgspec.structs.replace(policy, default=next(iter(languages.values())))


def asks_zoom_to_identify(chosen: LanguageSettings, default: str) -> bool:
    """Tell whether Zoom's transcript shall follow a speaker who changes language: when a stream begins, its queue is not known."""
    policies = [call_policy(chosen, default, ()), *(_of_rule(rule) for rule in chosen.queues)]
    return any(policy.identify for policy in policies)


def _of_rule(rule: QueueLanguages) -> LanguagePolicy:
    return LanguagePolicy(
        default=rule.default or rule.languages[0], languages=rule.languages, identify=_are_several(rule.languages)
    )


def _rules(rules: Sequence[QueueLanguages], events: Iterable[CallEvent]) -> list[QueueLanguages]:
    """The rules of the queues that events name, in order of time."""
    by_queue = {rule.queue: rule for rule in rules}
    people = (person for event in events for person in event.participants)
    named = (name for person in people for name in (person.queue_id, person.queue_name) if name in by_queue)
    return [by_queue[name] for name in dict.fromkeys(named) if name is not None]


def _are_several(languages: Iterable[str]) -> bool:
    return len({primary(language) for language in languages}) > 1
