"""Run the `evi` command with `python -m evi`."""

from evi.cli import main

main()
