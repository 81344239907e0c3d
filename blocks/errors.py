"""What can be wrong with stored blocks. Imports nothing: commands name it before Prefect has its settings."""


class BlockNotFound(ValueError):
    """Raised when the Prefect server has no block of that type and name."""


class BlockTypeNotInstalled(ImportError):
    """Raised when the package of a type of blocks is not installed; the message names the extra."""
