"""A local Databricks workspace: the REST API, and notebooks that really run, on Spark Connect."""
