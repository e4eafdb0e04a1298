"""Errors of the simulator.

SimulatorError
├── ScriptError     a scenario or an audio file cannot be played
├── RequestError    a control request does not make sense
└── UnknownCall     no call has this id
"""


class SimulatorError(Exception):
    """Something the caller of the simulator has to change; the message says what."""


class ScriptError(SimulatorError):
    """A scenario or an audio file cannot be played."""


class RequestError(SimulatorError):
    """A control request does not make sense."""


class UnknownCall(SimulatorError):
    """No call has this id."""
