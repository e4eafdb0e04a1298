"""One session per stream: ties Zoom's protocol, the recording, recognition and the metrics together."""
