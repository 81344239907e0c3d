# Databricks notebook source
# MAGIC %md
# MAGIC # Join the shares of electricity
# MAGIC Reads a CSV file for each table, with the columns Entity, Code, Year and one share. Joins them into one
# MAGIC row for each entity and year that occurs in any of the files.
# MAGIC
# MAGIC | parameter | meaning |
# MAGIC |---|---|
# MAGIC | `source` | URI of the folder that holds the CSV files |
# MAGIC | `tables` | names of the files without `.csv`, separated by commas |
# MAGIC | `target` | URI of the folder that the joined rows are written to, as Parquet |
# MAGIC
# MAGIC If a flow listens, it is told how many rows were joined, and how many of them have each share.

# COMMAND ----------

dbutils.widgets.text("source", "")
dbutils.widgets.text("tables", "")
dbutils.widgets.text("target", "")

source = dbutils.widgets.get("source")
tables = dbutils.widgets.get("tables").split(",")
target = dbutils.widgets.get("target")

# COMMAND ----------

from functools import reduce

try:
    from databricks_pipes import pipes
except ImportError:
    # Not beside this notebook, and no library of the cluster: nothing is told.
    pipes = None

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def read_share(table: str) -> DataFrame:
    """Read Entity, Year, Code_<table> and the share of one table; the share keeps its name."""
    path = f"{source}/{table}.csv"
    rows = spark.read.csv(
        path,
        header=True,
        multiLine=True,
        escape='"',
        ignoreLeadingWhiteSpace=False,
        ignoreTrailingWhiteSpace=False,
    )
    shares = [column for column in rows.columns if column not in ("Entity", "Code", "Year")]
    if len(shares) != 1:
        raise ValueError(f"{path} is not there, or has no share beside Entity, Code and Year: {rows.columns}")
    share = shares[0]
    return rows.select(
        "Entity",
        F.col("Year").cast("int").alias("Year"),
        F.col("Code").alias(f"Code_{table}"),
        F.col(f"`{share}`").cast("double").alias(share),
    )


# COMMAND ----------

# Regions have no code, and null never equals null in a join, so Code is not part of the key.
joined = reduce(
    lambda left, right: left.join(right, ["Entity", "Year"], "full_outer"),
    (read_share(table) for table in tables),
)
if pipes:
    pipes.log.info("joining %s", ", ".join(tables))
codes = [f"Code_{table}" for table in tables]
joined = joined.withColumn("Code", F.coalesce(*codes)).drop(*codes)
joined.write.mode("overwrite").parquet(target)

# COMMAND ----------

written = spark.read.parquet(target)
rows = written.count()
if pipes and pipes.listening:
    # Parquet is read by columns: to count the rows of the CSV files is to read all of them once more.
    for share in (column for column in written.columns if column not in ("Entity", "Code", "Year")):
        pipes.log.info("%s: %s rows", share, written.where(F.col(f"`{share}`").isNotNull()).count())
    pipes.log.info("%s rows joined", rows)
    pipes.asset("renewable_analysis/joined_data", rows=rows, tables=tables, place=target)
dbutils.notebook.exit(str(rows))
