# Databricks notebook source
from pyspark.sql.functions import col, initcap, length, lower, lpad, regexp_extract, regexp_replace, split, substring, trim, upper

raw = spark.createDataFrame([("  ada lovelace ", "ADA@Mail.org"), ("grace hopper", "grace@navy.mil")], ["name", "mail"])

# COMMAND ----------

clean = raw.select(
    initcap(trim("name")).alias("name"), lower("mail").alias("mail"), regexp_extract("mail", "@(.+)$", 1).alias("host"),
    split(trim("name"), " ")[1].alias("last"), lpad(length("mail").cast("string"), 4, "0").alias("size"),
)
display(clean)

# COMMAND ----------

first = clean.first()
assert (first.name, first.mail, first.host, first["last"], first["size"]) == ("Ada Lovelace", "ada@mail.org", "Mail.org", "lovelace", "0012")
assert raw.select(regexp_replace(upper("mail"), "[^A-Z]", "")).first()[0] == "ADAMAILORG"
assert raw.filter(col("mail").like("%navy%")).count() == 1 and raw.filter(col("mail").rlike("^A")).count() == 1
