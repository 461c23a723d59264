"""`python -m awbridge`, and the command `awbridge`."""

import contextlib
import os
import sys


def run() -> None:
    """Run the command of the arguments. Ctrl-C ends it in one line, also while its modules are imported."""
    try:
        from awbridge.cli import main

        main(prog_name="awbridge")
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except SystemExit as ended:
        # obstore's threads may still use the interpreter after the answer. One that ends meanwhile is aborted, and the
        # exit code is 134 instead of the command's.
        if "obstore" in sys.modules and (ended.code is None or isinstance(ended.code, int)):
            _end_at_once(ended.code or 0)
        raise


def _end_at_once(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
