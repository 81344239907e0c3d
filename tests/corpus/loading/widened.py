# Databricks notebook source
folder = "/lessons/loading/widened"
dbutils.fs.rm(folder, True)
dbutils.fs.put(f"{folder}/1.json", '{"id": 1}\n')
dbutils.fs.put(f"{folder}/2.json", '{"id": 2, "tag": "x"}\n')
spark.sql("CREATE OR REPLACE TABLE main.default.widened (id BIGINT)")
into = f"COPY INTO main.default.widened FROM '{folder}' FILEFORMAT = JSON"
try:
    spark.sql(into)
except Exception as error:
    assert "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE" in str(error), error
else:
    raise AssertionError("loaded")
assert spark.sql(f"{into} COPY_OPTIONS ('mergeSchema' = 'true')").first().num_inserted_rows == 2
assert [tuple(r) for r in spark.table("main.default.widened").orderBy("id").collect()] == [(1, None), (2, "x")]
