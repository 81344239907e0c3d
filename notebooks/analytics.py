# Databricks notebook source
# MAGIC %md
# MAGIC # Trend of the efficiency with and without the green energy initiative
# MAGIC Fits a straight line to the efficiency by day, once with the initiative and once without it. Writes both to
# MAGIC `efficiency_trend_<department>`, and returns them as JSON. What is there is replaced.
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

from pyspark.sql import DataFrame
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


def trend(kind: str) -> DataFrame:
    """One row: how many rows and days there are, and the line of least squares through the days.

    A day without an efficiency does not count for the line, and fewer than two days have none.
    """
    pair = "Efficiency, datediff(TS, DATE'1970-01-01')"
    rows = spark.table(quoted(of_department(kind))).agg(F.count(F.lit(1)).alias("Rows"))
    line = spark.table(quoted(of_department(f"{kind}_efficiency"))).agg(
        F.count("TS").alias("Days"),
        F.min("TS").alias("FirstDay"),
        F.max("TS").alias("LastDay"),
        F.expr(f"CASE WHEN regr_count({pair}) > 1 THEN regr_slope({pair}) END").alias("Slope"),
        F.expr(f"CASE WHEN regr_count({pair}) > 1 THEN regr_r2({pair}) END").alias("R2"),
        F.expr(f"regr_avgx({pair})").alias("middle"),
        F.expr(f"regr_avgy({pair})").alias("mean"),
    )
    return (
        rows.crossJoin(line)
        .withColumn("IsGreenEnergyInitiative", F.lit(kind == "green"))
        # From the middle of the days: from 1970 on, the line would lose digits.
        .withColumn("OnFirstDay", F.expr("mean + Slope * (datediff(FirstDay, DATE'1970-01-01') - middle)"))
        .withColumn("OnLastDay", F.expr("mean + Slope * (datediff(LastDay, DATE'1970-01-01') - middle)"))
        .select(
            "IsGreenEnergyInitiative",
            "Rows",
            "Days",
            "Slope",
            "R2",
            "FirstDay",
            "LastDay",
            "OnFirstDay",
            "OnLastDay",
        )
    )


# COMMAND ----------

trends = trend("green").unionByName(trend("not_green"))
written = of_department("efficiency_trend")
trends.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(quoted(written))

# COMMAND ----------

# Two rows, which are the result of the job.
returned = {
    "green" if row["IsGreenEnergyInitiative"] else "not_green": {
        "rows": row["Rows"],
        "days": row["Days"],
        "slope": row["Slope"],
        "r2": row["R2"],
        "first_day": row["FirstDay"] and row["FirstDay"].isoformat(),
        "last_day": row["LastDay"] and row["LastDay"].isoformat(),
        "on_first_day": row["OnFirstDay"],
        "on_last_day": row["OnLastDay"],
    }
    for row in spark.table(quoted(written)).collect()
}
if pipes:
    place = f"databricks://{catalog}/{schema}"
    for kind, found in returned.items():
        pipes.log.info("%s: %s rows on %s days, slope %s", kind, found["rows"], found["days"], found["slope"])
    made_from = [of_department(f"{kind}_efficiency") for kind in returned]
    pipes.asset(
        f"{place}/{written}",
        upstream=[f"{place}/{each}" for each in made_from],
        **{
            f"{kind}_{name}": found[name]
            for kind, found in returned.items()
            for name in ("rows", "days", "slope", "r2")
        },
    )
dbutils.notebook.exit(json.dumps(returned))
