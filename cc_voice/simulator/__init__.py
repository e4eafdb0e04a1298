"""Simulator: plays Zoom's part in tests, demos and acceptance on site: webhooks, links, media and a control API. See README.md."""
