# Databricks notebook source
from pyspark.sql.functions import col, current_date, date_add, date_format, datediff, month, to_date, to_timestamp, year

visits = spark.createDataFrame([("2024-01-31",), ("2024-02-29",), ("2023-12-24",)], ["day"])

# COMMAND ----------

dated = visits.withColumn("day", to_date("day")).select(
    "day", year("day").alias("year"), month("day").alias("month"), date_add("day", 1).alias("next"),
    date_format("day", "dd.MM.yyyy").alias("german"), datediff(current_date(), col("day")).alias("ago"),
)
display(dated.orderBy("day"))

# COMMAND ----------

rows = dated.orderBy("day").collect()
assert [str(row.next) for row in rows] == ["2023-12-25", "2024-02-01", "2024-03-01"]
assert rows[0].german == "24.12.2023" and rows[0].ago > 0
stamp = spark.range(1).select(to_timestamp(col("id").cast("string"), "yyyy").alias("t"))
parsed = spark.sql("SELECT to_timestamp('05/03/2024 10:20', 'dd/MM/yyyy HH:mm') AS t").first().t
assert (parsed.month, parsed.hour) == (3, 10)
