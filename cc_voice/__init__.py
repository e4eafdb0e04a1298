"""cc_voice: contact-center voice analytics for Zoom, on site."""

__version__ = "0.1.0"
