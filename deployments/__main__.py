"""`python -m deployments` is `dbflow`."""

from deployments.cli import main

main()
