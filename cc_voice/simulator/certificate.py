"""Certificate: one of the simulator's own, for links over TLS, made anew at each start by the command `openssl`.

It vouches for itself, so a client must be told to trust it: the variable SSL_CERT_FILE does that for Python and most others. Ruled
out: a key in the repository, which somebody would trust for good, and a library of cryptography for one file in tests.
"""

import ipaddress
import shutil
import subprocess
from pathlib import Path

import msgspec

from cc_voice.simulator.errors import SimulatorError

DAYS = 30


class Certificate(msgspec.Struct, frozen=True):
    """Where certificate and key lie, as PEM."""

    path: Path
    key: Path


def make_certificate(folder: Path, host: str) -> Certificate:
    """Make a certificate for an address to listen on and for this machine. Raises SimulatorError."""
    made = Certificate(folder / "simulator.pem", folder / "simulator-key.pem")
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SimulatorError("--tls makes its certificate with the command openssl, which is not installed here; install it")
    names = {f"IP:{name}" if _is_address(name) else f"DNS:{name}" for name in (host, "localhost", "127.0.0.1", "::1")}
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(DAYS)]
    command += ["-subj", "/CN=cc-voice simulator", "-addext", f"subjectAltName={','.join(sorted(names))}"]
    command += ["-keyout", str(made.key), "-out", str(made.path)]
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SimulatorError(f"openssl made no certificate: {said[-1] if said else done.returncode}")
    made.key.chmod(0o600)
    return made


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
