"""Metrics of a leg: a module for each section of the metric dictionary, evidence and preconditions."""
