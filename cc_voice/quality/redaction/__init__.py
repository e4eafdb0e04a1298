"""Redaction: which spoken and written numbers of a call nobody shall read, and what stands in their place."""
