"""Spoken numbers: generated calls in which card numbers are read aloud, and how much of them a finder hides."""
