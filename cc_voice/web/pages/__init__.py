"""Pages: handlers, templates, static files."""
