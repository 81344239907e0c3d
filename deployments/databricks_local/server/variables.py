"""The environment variables that the server is told its secrets by, so that no command line shows them."""

CLIENT_ID_VARIABLE = "DBFLOW_WORKSPACE_CLIENT_ID"
CLIENT_SECRET_VARIABLE = "DBFLOW_WORKSPACE_CLIENT_SECRET"  # noqa: S105 - the name of the variable
TOKEN_VARIABLE = "DBFLOW_WORKSPACE_TOKEN"  # noqa: S105 - the name of the variable
