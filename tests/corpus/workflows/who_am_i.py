# Databricks notebook source
import json

context = json.loads(dbutils.notebook.entry_point.getDbutils().notebook().getContext().toJson())
path = context["extraContext"]["notebook_path"]
run_id = context["currentRunId"]["id"]
user = context["tags"]["user"]
cluster = spark.conf.get("spark.databricks.clusterUsageTags.clusterId")
print(path, run_id, user, cluster, spark.conf.get("spark.databricks.workspaceUrl"))
assert path.endswith("/workflows/who_am_i") and cluster and run_id > 0

# COMMAND ----------

from databricks.sdk import WorkspaceClient

client = WorkspaceClient()
assert client.current_user.me().user_name == user
assert client.jobs.get_run(context["rootRunId"]["id"]).run_id == context["rootRunId"]["id"]
