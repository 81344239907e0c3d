# Databricks notebook source
# MAGIC %md
# MAGIC # Extract the rows without the green energy initiative
# MAGIC Copies the rows of one department without the initiative from `facilityefficiency` to
# MAGIC `not_green_<department>`. What is there is replaced.
# MAGIC
# MAGIC | parameter | meaning |
# MAGIC |---|---|
# MAGIC | `catalog` | catalog of all tables |
# MAGIC | `schema` | schema of all tables |
# MAGIC | `department` | the department; its name is part of the names of the tables that are written |

# COMMAND ----------

dbutils.widgets.text("catalog", "")
dbutils.widgets.text("schema", "")
dbutils.widgets.text("department", "")

catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")
department = dbutils.widgets.get("department")

# COMMAND ----------

import json
import re
from hashlib import sha256

try:
    from databricks_pipes import pipes
except ImportError:
    # Not beside this notebook, and no library of the cluster: nothing is told.
    pipes = None

from pyspark.sql import functions as F


def quoted(name: str) -> str:
    """Full name of a table, in backticks."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in (catalog, schema, name))


def of_department(name: str) -> str:
    """Name of a table that holds one department only."""
    words = re.sub("[^a-z0-9]+", "_", department.lower()).strip("_")[:60]
    # Other spellings get a mark, so that `R&D` and `R D` never share a table; `Efficiency X`, too, whose rows
    # would be in the table of the efficiency of `X`.
    if words.startswith("efficiency") or words.replace("_", " ").title() != department:
        words += "_" + sha256(department.encode()).hexdigest()[:8]
    return f"{name}_{words}"


# COMMAND ----------

initiative = F.col("IsGreenEnergyInitiative").cast("boolean")
of_one_department = (F.col("Department").cast("string") == department) & ~initiative
extracted = spark.table(quoted("facilityefficiency")).where(of_one_department)
written = of_department("not_green")
extracted.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(quoted(written))

# COMMAND ----------

written_rows = spark.table(quoted(written)).count()
if pipes:
    pipes.log.info("%s rows written to %s", written_rows, written)
    place = f"databricks://{catalog}/{schema}"
    pipes.asset(f"{place}/{written}", upstream=[f"{place}/facilityefficiency"], rows=written_rows)
dbutils.notebook.exit(json.dumps({"table": written, "rows": written_rows}))
