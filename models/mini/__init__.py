"""Builds a miniature but genuine Vosk model, and the demo's audio, from synthetic voices."""
