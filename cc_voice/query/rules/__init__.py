"""Rules as people and commands see them: files, backtests, marks, publication, runs over history."""
