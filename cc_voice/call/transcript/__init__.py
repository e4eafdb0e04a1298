"""Transcript: words of two recognisers made one, and the language of each channel."""
