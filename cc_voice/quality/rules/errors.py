"""Errors of rules.

RuleError               a rule cannot be used; the message is for whoever wrote it
  ExpressionError       one of its expressions cannot be read
"""


class RuleError(Exception):
    """A rule cannot be used; the message names the file, and the line and expression where they are known."""


class ExpressionError(RuleError):
    """An expression cannot be read; the message tells why, not where."""
