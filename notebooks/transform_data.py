# Databricks notebook source
# MAGIC %md
# MAGIC # Combine solar, hydro and wind
# MAGIC Adds `SHW%`, the combined share of solar, hydro and wind, to the joined rows. If one of the three shares
# MAGIC is missing in a year, `SHW%` is null.
# MAGIC
# MAGIC | parameter | meaning |
# MAGIC |---|---|
# MAGIC | `source` | URI of the folder with the joined rows, as Parquet |
# MAGIC | `target` | URI of the folder that the result is written to, as CSV files with a header |
# MAGIC
# MAGIC If a flow listens, it is told how many rows were read and written: what was written is read for that.

# COMMAND ----------

dbutils.widgets.text("source", "")
dbutils.widgets.text("target", "")

source = dbutils.widgets.get("source")
target = dbutils.widgets.get("target")

# COMMAND ----------

try:
    from databricks_pipes import pipes
except ImportError:
    # Not beside this notebook, and no library of the cluster: nothing is told.
    pipes = None

from pyspark.sql import functions as F

shares = [f"{name} (% electricity)" for name in ("Solar", "Hydro", "Wind")]
joined = spark.read.parquet(source)
missing = [share for share in shares if share not in joined.columns]
if missing:
    raise ValueError(f"{source} is not there, or lacks {', '.join(missing)}: {joined.columns}")

# If one of the three is null, so is the sum: a missing source must show as a gap, not as zero.
solar, hydro, wind = (F.col(f"`{share}`") for share in shares)
transformed = joined.withColumn("SHW%", solar + hydro + wind).select(
    "Entity", "Code", "Year", solar, hydro, wind, F.col("`SHW%`")
)
transformed.write.mode("overwrite").csv(
    target,
    header=True,
    escape='"',
    ignoreLeadingWhiteSpace=False,
    ignoreTrailingWhiteSpace=False,
)

# COMMAND ----------

# What has to be written; Parquet knows it without being read.
rows = transformed.count()
if pipes and pipes.listening:
    # Counted in the files: another count of what they were made from could not differ.
    written = spark.read.csv(target, header=True, multiLine=True, escape='"').count()
    pipes.log.info("%s rows read, %s rows written", rows, written)
    joined_asset = "renewable_analysis/joined_data"
    pipes.asset("renewable_analysis/transformed_data", upstream=joined_asset, rows=written, place=target)
    pipes.check("as_many_rows_as_joined", passed=written == rows, joined=rows, written=written)
dbutils.notebook.exit(str(rows))
