"""Quality: what is found in a call's words and how it is judged. Pure functions: no file, no clock, no database."""
