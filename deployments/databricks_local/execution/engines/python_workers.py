"""The daemon from which Apache Spark forks its Python workers; they find what notebooks installed by %pip.

Spark runs this module in place of its own daemon, which it then is.
"""

import os

OFFERS_VARIABLE = "DATABRICKS_LOCAL_OFFERS"


def main() -> None:
    """Find modules in what notebooks offer, and be Spark's daemon."""
    from pyspark.daemon import manager

    from databricks_local.runtime.imports.offered import look_in

    look_in(os.environ[OFFERS_VARIABLE])
    manager()


if __name__ == "__main__":
    main()
