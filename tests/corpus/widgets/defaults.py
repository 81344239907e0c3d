# Databricks notebook source
dbutils.widgets.text("country", "Chile", "Country")
dbutils.widgets.dropdown("year", "2020", [str(year) for year in range(2018, 2024)])
dbutils.widgets.combobox("unit", "GWh", ["GWh", "MWh"])
dbutils.widgets.multiselect("sources", "wind", ["wind", "solar"])

# COMMAND ----------

values = dbutils.widgets.getAll()
print(values)
assert dbutils.widgets.get("country") == "Chile" == getArgument("country")
assert int(dbutils.widgets.get("year")) == 2020
assert values["sources"].split(",") == ["wind"]

# COMMAND ----------

dbutils.widgets.remove("unit")
try:
    dbutils.widgets.get("unit")
except Exception as error:
    print(type(error).__name__, error)
dbutils.widgets.removeAll()
