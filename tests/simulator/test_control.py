"""Control: how the simulator names itself to its clients; the routes themselves are tested over real HTTP in test_server.py."""

import pytest

from cc_voice.simulator import control


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (b"127.0.0.1:9900", "127.0.0.1:9900"),
        (b"zoom.example", "zoom.example:9900"),
        (b"zoom.example:443", "zoom.example:443"),
        (b"[::1]", "[::1]:9900"),
        (b"[::1]:9911", "[::1]:9911"),
    ],
)
def test_urls_lead_back_to_the_port_a_client_came_from(named: bytes, expected: str) -> None:
    """Zoom's own SDK names the host without its port."""
    assert control.host({"headers": [(b"host", named)], "server": ("10.0.0.1", 9900)}) == expected


def test_a_client_may_name_no_host() -> None:
    assert control.host({"headers": [], "server": ("10.0.0.1", 9900)}) is None
