"""The command line: a module for each command; `main.py` names them and loads none."""
