# Databricks notebook source
from pyspark.sql.functions import broadcast, coalesce, lit

customers = spark.createDataFrame([(1, "Ada"), (2, "Bob"), (3, "Cy")], ["id", "name"])
payments = spark.createDataFrame([(1, 10.0), (1, 5.0), (3, 7.5), (9, 1.0)], ["customer", "amount"])

# COMMAND ----------

for how in ("inner", "left", "right", "outer", "left_semi", "left_anti"):
    joined = customers.join(payments, customers.id == payments.customer, how)
    print(how, joined.count())

# COMMAND ----------

counts = {how: customers.join(payments, customers.id == payments.customer, how).count() for how in ("inner", "left", "left_anti")}
assert counts == {"inner": 3, "left": 4, "left_anti": 1}

# COMMAND ----------

total = customers.join(broadcast(payments.withColumnRenamed("customer", "id")), "id", "left").groupBy("name").sum("amount")
display(total.select("name", coalesce("sum(amount)", lit(0.0)).alias("paid")))
assert dict(total.na.fill(0).collect()) == {"Ada": 15.0, "Bob": 0.0, "Cy": 7.5}
