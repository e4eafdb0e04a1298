"""Quality: what a contact center looks for in its calls, as pure functions on a call: no I/O, no clock, no database."""
