# Databricks notebook source
import json

dbutils.widgets.text("number", "1")
number = int(dbutils.widgets.get("number"))
dbutils.notebook.exit(json.dumps({"twice": 2 * number}))
