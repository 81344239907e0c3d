# Databricks notebook source
import json

orders = [{"id": 1, "amount": 10.5}, {"id": 2, "amount": 4.5}]
dbutils.fs.put("/lessons/workflow/orders.json", "\n".join(map(json.dumps, orders)), True)
dbutils.jobs.taskValues.set("rows", len(orders))
dbutils.jobs.taskValues.set(key="path", value="/lessons/workflow/orders.json")
dbutils.notebook.exit(json.dumps({"rows": len(orders)}))
