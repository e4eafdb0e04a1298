"""What people and Zoom reach over HTTP: webhooks, sign-in, pages, API, live events, audio. Litestar stays in here."""
