"""Alerts: what a supervisor is told while a call goes on, decided on media time."""
