"""Rules: what was said and what was not, found in the words of a call. `README.md` has the reference and what was measured."""
