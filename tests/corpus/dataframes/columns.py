# Databricks notebook source
from pyspark.sql.functions import col, concat_ws, expr, lit, when

# COMMAND ----------

sales = spark.createDataFrame([(1, "pen", 2.5, 10), (2, "book", 12.0, 3), (3, "bag", 40.0, 1)], "id int, item string, price double, amount int")

# COMMAND ----------

priced = (
    sales.withColumn("total", col("price") * col("amount"))
    .withColumn("size", when(col("total") >= 40, "large").when(col("total") >= 30, "middle").otherwise("small"))
    .withColumn("label", concat_ws("-", lit("item"), col("id").cast("string")))
    .withColumnRenamed("item", "product")
    .drop("price")
)
display(priced)

# COMMAND ----------

assert {row["product"]: row["size"] for row in priced.collect()} == {"pen": "small", "book": "middle", "bag": "large"}
assert priced.select(expr("max(total)")).first()[0] == 40.0
assert "price" not in priced.columns
