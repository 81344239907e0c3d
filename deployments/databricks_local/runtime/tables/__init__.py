"""Tables of the workspace in a session of Spark: the statements on them, and their names in plans."""
