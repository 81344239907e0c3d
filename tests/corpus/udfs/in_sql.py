# Databricks notebook source
def area(width, height):
    return float(width * height)

spark.udf.register("area", area, "double")
spark.createDataFrame([(2, 3), (4, 5)], ["w", "h"]).createOrReplaceTempView("boxes")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT w, h, area(w, h) AS area FROM boxes ORDER BY w

# COMMAND ----------

assert [row.area for row in _sqldf.collect()] == [6.0, 20.0]
