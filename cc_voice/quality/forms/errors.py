"""Errors of forms.

FormError          a form file, an answer or a deed is not what it must be; the message says where, and what to do
└── NotAllowed     this person may not do that with this evaluation
"""


class FormError(Exception):
    """Something about a form or an evaluation that its author can mend."""


class NotAllowed(FormError):
    """Somebody may not do what they asked for."""
