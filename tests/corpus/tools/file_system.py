# Databricks notebook source
dbutils.fs.help()
dbutils.fs.mkdirs("/lessons/fs/deep")
dbutils.fs.put("/lessons/fs/a.txt", "hello", True)
dbutils.fs.cp("/lessons/fs/a.txt", "/lessons/fs/deep/b.txt")
dbutils.fs.mv("dbfs:/lessons/fs/deep/b.txt", "dbfs:/lessons/fs/c.txt")
assert dbutils.fs.head("/lessons/fs/c.txt") == "hello"

# COMMAND ----------

# MAGIC %fs ls /lessons/fs

# COMMAND ----------

# MAGIC %fs head lessons/fs/a.txt

# COMMAND ----------

dbutils.fs.rm("/lessons/fs", recurse=True)
