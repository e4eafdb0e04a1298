"""Links of a stream: signaling and media, their handshakes and what a refusal means."""
