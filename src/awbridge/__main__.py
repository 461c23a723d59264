"""`python -m awbridge`, and the command `awbridge`."""

import sys


def run() -> None:
    """Run the command of the arguments. Ctrl-C ends it in one line, also while its modules are imported."""
    try:
        from awbridge.cli import main

        main(prog_name="awbridge")
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
