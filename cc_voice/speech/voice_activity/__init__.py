"""Voice activity: which frames of a channel hold a voice; `detector.py` is its front."""
