"""Evaluations: forms as files and versions, what people do with evaluations, samples, calibrations, coaching."""
