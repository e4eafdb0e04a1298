"""Rendering: values, transcripts and time lines as people read them, and the shell of a page."""
