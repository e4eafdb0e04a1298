"""`cc-voice`, and `python -m cc_voice`: the same command."""

import contextlib
import os
import sys
from typing import NoReturn

from cc_voice.cli import main


def run() -> NoReturn:
    """Run the command and leave with its status.

    DuckDB 2.0.0 prints a page about leaked objects when the interpreter is taken down after an error (2.0.1 no longer does). By
    now everything is written and closed, so the process ends without that.
    """
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
