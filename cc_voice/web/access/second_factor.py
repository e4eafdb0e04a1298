"""Second factor: codes of an authenticator app (TOTP, RFC 6238): six digits, thirty seconds each, none good twice."""

import hmac

import pyotp

DRIFT_STEPS = 1
"""How many steps the clock of somebody's phone may be off."""
STEP_S = 30


def new_secret() -> str:
    """Return a secret for an authenticator app."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, account: str, site: str) -> str:
    """Return the address that an app takes, as a link or a picture of it."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=f"cc_voice {site}")


def step_of(secret: str, code: str, now_s: float, used_step: int) -> int | None:
    """Return the step that a code is of, None when it is of none around now that is later than the one used last."""
    digits = "".join(code.split())
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    made = pyotp.TOTP(secret)
    now = int(now_s) // STEP_S
    steps = range(max(used_step + 1, now - DRIFT_STEPS), now + DRIFT_STEPS + 1)
    fitting = [step for step in steps if hmac.compare_digest(made.at(step * STEP_S), digits)]
    return fitting[-1] if fitting else None
