"""Legs: from events to one time line, roles, legs and hold."""
