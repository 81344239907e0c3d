"""What can be wrong with stored blocks. Imports nothing: commands name it before Prefect has its settings."""


class BlockNotFound(ValueError):
    """Raised when the Prefect server has no block of that type and name."""
