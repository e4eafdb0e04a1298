"""Language policy: which languages a call may be in, what a site says for all calls, or for those of a queue."""

from collections.abc import Iterable

import msgspec

from cc_voice.config.languages import primary


class LanguagePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed language, or a set out of which the language spoken is identified. All are BCP-47 tags."""

    default: str
    """What a call is taken to be in until something says otherwise."""
    languages: tuple[str, ...] = ()
    """The set; `default` belongs to it whether or not it is listed."""
    identify: bool = True
    """False: everything is in `default`, whatever Zoom's tags say."""
    is_open: bool = False
    """Nobody wrote the set down: what Zoom's words clearly are in belongs to it too."""

    def candidates(self, told: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the languages to choose from (primary subtags), the default first; `told` are tags that Zoom gave.

        Zoom's own identification is not bound to the site's set: a language that nobody expected is a finding, not a mistake.
        """
        tags = (self.default, *self.languages, *told) if self.identify else (self.default,)
        return tuple(dict.fromkeys(primary(tag) for tag in tags))

    def tag(self, language: str) -> str:
        """Return the site's own tag of a language, for example `es-MX` for `es`; the language itself where it has none."""
        return next((tag for tag in (self.default, *self.languages) if primary(tag) == language), language)
