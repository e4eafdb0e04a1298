"""Search: the small language of queries, the index of words, the calls that match and the snippets shown."""
