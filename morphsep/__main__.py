"""``python -m morphsep``: the same as the command."""

from morphsep.cli import main

main()
