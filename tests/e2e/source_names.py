"""The names of what a deploy brings into a workspace folder, in their order."""

NOTEBOOK_NAMES = [
    "analytics",
    "extract_green",
    "extract_not_green",
    "join_data",
    "transform_data",
    "transform_green",
    "transform_not_green",
]
SOURCE_NAMES = sorted([*NOTEBOOK_NAMES, "databricks_pipes.py"])
