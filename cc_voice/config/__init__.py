"""Configuration: everything that a site can set, read once. No code here: thresholds must not import settings by a chain."""
