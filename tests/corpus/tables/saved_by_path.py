# Databricks notebook source
path = "/lessons/tables/my folder"
dbutils.fs.rm(path, True)
people = spark.createDataFrame([(1, "Ann")], "id int, name string")
people.write.format("delta").save(path)
people.write.format("delta").mode("append").save(path)

# COMMAND ----------

# No column and no value is lost unseen.
more = spark.createDataFrame([(2, "Bo", 7)], "id int, name string, shoe int")
for frame, said in (
    (more, "it has no column shoe"),
    (spark.createDataFrame([("x", "Cy")], "id string, name string"), "CAST_INVALID_INPUT"),
):
    try:
        frame.write.format("delta").mode("append").save(path)
    except Exception as error:
        assert said in str(error), error
    else:
        raise AssertionError(said)
more.write.format("delta").mode("append").option("mergeSchema", "true").save(path)
rows = [tuple(row) for row in spark.read.format("delta").load(path).orderBy("id", "shoe").collect()]
assert rows == [(1, "Ann", None), (1, "Ann", None), (2, "Bo", 7)], rows

# COMMAND ----------

assert spark.sql(f"UPDATE delta.`{path}` SET shoe = 1 WHERE id = 1").first().num_affected_rows == 2
assert [row.operation for row in spark.sql(f"DESCRIBE HISTORY delta.`{path}`").collect()] == [
    "UPDATE", "WRITE", "WRITE", "WRITE"
]
