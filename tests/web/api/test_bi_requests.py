"""BI requests: those that `analytics/README.md` shows for BI tools, with a token of somebody who sees all."""

import csv
import io
import re
from pathlib import Path

import httpx
import pytest

from cc_voice.web.appliance import Appliance
from tests.web.access.sites import browser, fill

README = Path(__file__).parents[3] / "analytics" / "README.md"
[REQUESTS] = re.findall(r"```http\n(.+?)```", README.read_text(), re.DOTALL)
PATHS = [line.removeprefix("GET ") for line in REQUESTS.splitlines()]


@pytest.mark.parametrize("path", PATHS)
async def test_each_request_that_is_shown_is_answered(appliance: Appliance, path: str) -> None:
    fill(appliance)
    appliance.database.write_now(lambda con: con.execute("update fact_leg set hold_ms = 6000, hold_count = 1"))
    async with browser(appliance) as client:
        client.headers["authorization"] = f"Bearer {appliance.accounts.create_token('rosa', 'dashboard', appliance.now())}"
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert rows_of(answer)


def rows_of(answer: httpx.Response) -> list[object]:
    if answer.headers["content-type"].startswith("text/csv"):
        return [*csv.DictReader(io.StringIO(answer.text))]
    found = answer.json()
    rows: list[object] = found["calls"] if isinstance(found, dict) else found
    return rows
