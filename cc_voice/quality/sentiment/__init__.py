"""Sentiment of customers by a word list; see README.md."""
