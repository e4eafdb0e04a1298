"""Zoom Realtime Media Streams over plain WebSockets: a sans-I/O protocol core and an asyncio client. See README.md."""
