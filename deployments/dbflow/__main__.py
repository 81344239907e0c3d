"""`python -m dbflow` is `dbflow`."""

from dbflow.cli import main

main()
