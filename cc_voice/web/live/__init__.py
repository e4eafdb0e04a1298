"""Live pages: calls in progress, and events to browsers."""
