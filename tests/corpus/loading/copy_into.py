# Databricks notebook source
folder = "/lessons/loading/copy_into"
dbutils.fs.rm(folder, True)
dbutils.fs.put(f"{folder}/1.csv", "id,name\n1,Ann\n2,Bo\n")
spark.sql("CREATE OR REPLACE TABLE main.default.loaded (id INT, name STRING)")
statement = f'''
    COPY INTO main.default.loaded FROM '{folder}' FILEFORMAT = CSV
    FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')
'''
first = spark.sql(statement)
assert first.columns == ["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"]
assert tuple(first.first()) == (2, 2, 0)
assert tuple(spark.sql(statement).first()) == (0, 0, 0)

# COMMAND ----------

# A new file is loaded; one that changed is not, unless it is forced.
dbutils.fs.put(f"{folder}/1.csv", "id,name\n1,Ann\n2,Bo\n3,Cy\n", True)
dbutils.fs.put(f"{folder}/2.csv", "name,id\nDi,4\n")
assert spark.sql(statement).first().num_inserted_rows == 1
assert spark.sql(statement + " COPY_OPTIONS ('force' = 'true')").first().num_inserted_rows == 4
assert spark.table("main.default.loaded").count() == 7
history = spark.sql("DESCRIBE HISTORY main.default.loaded LIMIT 1").first()
assert (history.operation, history.operationMetrics["numOutputRows"]) == ("COPY INTO", "4")
