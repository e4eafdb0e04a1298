"""Makes `screenshot.png`, the picture on the front page: a call of the demo as a supervisor sees it.

    make screenshot

It uses the product as anybody would: runs the demo in a temporary folder, signs in, opens the call with the most interruptions and
the evidence of one number. Needs Debian's chromium.
"""

import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("screenshot.png")
COMMAND = (sys.executable, "-m", "cc_voice")
SIZE = {"width": 1280, "height": 780}
LARGEST_BYTES = 200_000
CALL = "select call_id from v_leg order by interruptions_agent + interruptions_customer desc nulls last limit 1"
METRIC = "interruptions_customer"


def main() -> None:
    """Make the picture anew. Exits with a sentence where it cannot."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "demo"
        demo = subprocess.Popen([*COMMAND, "demo", "--data-dir", str(site)], stdout=subprocess.PIPE, text=True)
        try:
            photograph(chromium, running_at(demo), password_of(site), call_of(site))
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()
    if (size := PICTURE.stat().st_size) > LARGEST_BYTES:
        sys.exit(f"{PICTURE} has {size} bytes, which is more than {LARGEST_BYTES}")
    sys.stdout.write(f"{PICTURE}: {size} bytes\n")


def running_at(demo: "subprocess.Popen[str]") -> str:
    """Wait until the demo has played its calls; return its address."""
    assert demo.stdout is not None
    for line in demo.stdout:
        if found := re.match(r"The service is running: (\S+)", line):
            return found[1]
    sys.exit("the demo ended before its service could be asked")


def password_of(site: Path) -> str:
    """Return the one-time password of the first account."""
    return re.findall(r"^password: (\S+)$", (site / "first-login.txt").read_text(), re.MULTILINE)[0]


def call_of(site: Path) -> str:
    """Return the call to show."""
    asked = [*COMMAND, "sql", CALL, "--format", "json", "--data-dir", str(site)]
    return str(json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)["rows"][0][0])


def photograph(chromium: str, address: str, password: str, call_id: str) -> None:
    """Open the call's page as a visitor who has just signed in, and keep what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(base_url=address, viewport=SIZE, color_scheme="light")
        sign_in(page, password)
        page.goto(f"/calls/{call_id}?metric={METRIC}")
        page.locator("[data-wave=agent] path").wait_for(state="attached")
        page.locator("#evidence").wait_for()
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=PICTURE)
        browser.close()


def sign_in(page: Any, password: str) -> None:
    """Sign in and change the one-time password, which everybody must."""
    chosen = secrets.token_urlsafe(16)
    page.goto("/login")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Current password").fill(password)
    page.get_by_label("New password", exact=True).fill(chosen)
    page.get_by_label("New password again").fill(chosen)
    page.locator("form[action='/password'] button").click()
    page.wait_for_url(lambda url: "/password" not in url)


if __name__ == "__main__":
    main()
