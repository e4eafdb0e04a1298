"""REST API of Zoom: access tokens, and control of streams."""
