# Databricks notebook source
folder = "/lessons/loading/wrong"
dbutils.fs.rm(folder, True)
dbutils.fs.put(f"{folder}/good.csv", "id,day\n1,2024-01-01\n")
dbutils.fs.put(f"{folder}/wrong.csv", "id,day\n2,2024-01-02\nthree,2024-01-03\n")
spark.sql("CREATE OR REPLACE TABLE main.default.wrong (id INT, day DATE)")
into = f"COPY INTO main.default.wrong FROM '{folder}' FILEFORMAT = CSV"
options = "FORMAT_OPTIONS ('header' = 'true')"
for validate in ("", "VALIDATE ALL"):
    try:
        spark.sql(f"{into} {validate} {options}")
    except Exception as error:
        for said in ("wrong.csv", "line 3", "column id", "'three'"):
            assert said in str(error), error
    else:
        raise AssertionError("loaded")
    assert spark.table("main.default.wrong").count() == 0

# COMMAND ----------

shown = spark.sql(f"{into} VALIDATE 1 ROWS FILES = ('good.csv') {options}")
assert tuple(map(str, shown.first())) == ("1", "2024-01-01")
assert spark.table("main.default.wrong").count() == 0
