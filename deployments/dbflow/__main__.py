"""`python -m deployments` is `dbflow`."""

from dbflow.cli import main

main()
