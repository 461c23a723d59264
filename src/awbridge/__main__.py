"""`python -m awbridge` is the command `awbridge`."""

from awbridge.cli import main

main(prog_name="awbridge")
