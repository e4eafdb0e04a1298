"""Fleet: who serves which stream, worker processes on this machine. A cluster can take their place behind the same functions."""
