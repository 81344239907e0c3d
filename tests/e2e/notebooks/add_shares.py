# Databricks notebook source
# MAGIC %md
# MAGIC Adds up the shares of each joined table.

# COMMAND ----------

import csv
import io

import boto3

dbutils.widgets.text("endpoint", "")
dbutils.widgets.text("bucket", "")

bucket = dbutils.widgets.get("bucket")
session = boto3.Session(
    aws_access_key_id=dbutils.secrets.get("storage", "id"),
    aws_secret_access_key=dbutils.secrets.get("storage", "key"),
    region_name="us-east-1",
)
storage = session.resource("s3", endpoint_url=dbutils.widgets.get("endpoint")).Bucket(bucket)

# COMMAND ----------

tables = {}
for item in storage.objects.filter(Prefix="joined/"):
    lines = list(csv.reader(io.TextIOWrapper(item.get()["Body"], encoding="utf-8")))
    tables[item.key] = spark.createDataFrame(lines[1:], lines[0])

# COMMAND ----------

# All columns are strings, which Spark adds as numbers.
for key, table in tables.items():
    solar, hydro, wind = (table[f"{name} (% electricity)"] for name in ("Solar", "Hydro", "Wind"))
    tables[key] = table.withColumn("SHW%", solar + hydro + wind)
    tables[key].printSchema()

# COMMAND ----------

for key, table in tables.items():
    name = key.rpartition("/")[2]
    storage.put_object(Key=f"transformed/{name}", Body=table.toPandas().to_csv(index=False).encode())
dbutils.notebook.exit(str(len(tables)))
