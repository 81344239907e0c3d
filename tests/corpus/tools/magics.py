# Databricks notebook source
files = !ls / | head -2
print(files)
!echo shell says {len(files)}
%time total = sum(range(1000))
assert total == 499500

# COMMAND ----------

# MAGIC %%time
# MAGIC slow = spark.range(10).count()

# COMMAND ----------

%timeit -n 1 -r 1 sum(range(10))
spark?

# COMMAND ----------

# MAGIC %reload_ext autoreload
# MAGIC %autoreload 2
