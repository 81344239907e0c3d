# Databricks notebook source
# MAGIC %md
# MAGIC ## First steps with DataFrames

# COMMAND ----------

people = spark.createDataFrame(
    [("Ada", 36, "London"), ("Grace", 45, "New York"), ("Linus", 28, "Helsinki")], ["name", "age", "city"]
)
display(people)

# COMMAND ----------

people.printSchema()
people.show()
print(people.columns, people.dtypes, people.count())

# COMMAND ----------

older = people.filter(people.age > 30).select("name", "city").orderBy("name")
older.display()
assert [row.name for row in older.collect()] == ["Ada", "Grace"]
