"""Failovers: the same *started* twice, a repeat of the webhook, or a failover of Zoom's server (README 2.7)?"""

from cc_voice.rtms.links.link import Link
from cc_voice.rtms.webhooks import Started


class Failovers:
    """Remembers the last *started* of a stream and judges the next."""

    def __init__(self, event_ts_ms: int | None, url: str) -> None:
        self.event_ts_ms = event_ts_ms
        self._url = url

    def is_failover(self, webhook: Started, signaling: Link, now: float) -> bool:
        """Tell whether a *started* announces another server, and remember it unless it is older than the last.

        Another URL is one. So is a newer event while signaling is neither healthy nor on its way. Dropping every *started*
        of a stream that is served would break failover; following every one would let a late repeat lead back to a dead server.
        """
        at, is_new_url = webhook.event_ts_ms, webhook.server_urls != self._url
        is_older = at is not None and self.event_ts_ms is not None and at < self.event_ts_ms
        is_repeat = not is_new_url and at in (None, self.event_ts_ms)
        if is_older or is_repeat:
            return False
        self.event_ts_ms, self._url = at, webhook.server_urls
        return is_new_url or not (signaling.is_healthy(now) or signaling.in_progress)
