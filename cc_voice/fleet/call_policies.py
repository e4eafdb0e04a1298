"""Policies of a call: those it begins with, and those it goes on with. Where a file is gone or damaged the call is served all the
same, under what this process started with: a policy is no reason to lose a call."""

import structlog

from cc_voice.config import policies
from cc_voice.config.policies import Held, PolicyError
from cc_voice.config.settings import Settings

log = structlog.get_logger()


def in_force_or(settings: Settings) -> Settings:
    """Return settings with what is in force now, else `settings` as they are. Reads files."""
    try:
        return policies.in_force(settings)
    except PolicyError as error:
        log.error("policies in force cannot be read; those of the start go on", error=str(error))
        return settings


def held_or(settings: Settings, held: Held) -> Settings:
    """Return settings with what a call began with, else `settings` as they are. Reads files."""
    try:
        return policies.at(settings, held)
    except PolicyError as error:
        log.error("policies that the call began with cannot be read; those of the start go on", error=str(error))
        return settings
