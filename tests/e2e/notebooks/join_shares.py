# Databricks notebook source
# MAGIC %md
# MAGIC One table of a country: the shares of all files in the bucket, by year.

# COMMAND ----------

import csv
import io

import boto3

dbutils.widgets.text("endpoint", "")
dbutils.widgets.text("bucket", "")

bucket = dbutils.widgets.get("bucket")
s3 = boto3.client(
    "s3",
    endpoint_url=dbutils.widgets.get("endpoint"),
    region_name="us-east-1",
    aws_access_key_id=dbutils.secrets.get("storage", "id"),
    aws_secret_access_key=dbutils.secrets.get("storage", "key"),
)

# COMMAND ----------


def read_table(key):
    """A file of the bucket as a DataFrame, in which all columns are strings."""
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    lines = list(csv.reader(io.StringIO(text)))
    return spark.createDataFrame(lines[1:], lines[0])


keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix="country/")["Contents"]]
tables = {key: read_table(key) for key in keys if key.endswith(".csv")}
country = tables[keys[0]].first()["Entity"]

# COMMAND ----------

first, *others = [table.select(table.columns[2], table.columns[3]) for table in tables.values()]
joined = first
for other in others:
    joined = joined.join(other, first["Year"] == other["Year"], "outer")
display(joined)

# COMMAND ----------

# The column of the join is there once for each file.
columns = joined.toPandas().T.drop_duplicates()
result = columns.T.sort_values("Year")

body = result.to_csv(index=False)
s3.put_object(Bucket=bucket, Key=f"joined/{country}.csv", Body=body.encode())
dbutils.notebook.exit(country)
