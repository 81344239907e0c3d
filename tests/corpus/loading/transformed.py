# Databricks notebook source
folder = "/lessons/loading/transformed"
dbutils.fs.rm(folder, True)
dbutils.fs.put(f"{folder}/x.csv", "ann;12\nbo;30\n")
spark.sql("CREATE OR REPLACE TABLE main.default.transformed (name STRING, age INT, source STRING)")
spark.sql(f'''
    COPY INTO main.default.transformed
    FROM (SELECT initcap(_c0) AS name, CAST(_c1 AS INT) AS age, _metadata.file_name AS source FROM '{folder}')
    FILEFORMAT = CSV FORMAT_OPTIONS ('sep' = ';')
''')
rows = [tuple(row) for row in spark.table("main.default.transformed").orderBy("age").collect()]
assert rows == [("Ann", 12, "x.csv"), ("Bo", 30, "x.csv")], rows
