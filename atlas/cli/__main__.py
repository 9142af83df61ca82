"""`python -m atlas.cli`: the command line where no console script is installed."""

from atlas.cli import main

main()
