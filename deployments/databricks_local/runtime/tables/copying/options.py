"""The options of COPY INTO: which there are, and which files they choose. Pure but for the errors."""

from databricks_local.runtime.tables.copying.reading import Copy
from databricks_local.runtime.tables.errors import refused

_OF_FILES = (
    "ignorecorruptfiles", "ignoremissingfiles", "inferschema", "mergeschema", "mode", "modifiedafter",
    "modifiedbefore", "pathglobfilter", "recursivefilelookup",
)  # fmt: skip
_OF_TEXTS = ("charset", "compression", "dateformat", "encoding", "timestampformat")
_READ = {
    "csv": ("comment", "delimiter", "escape", "header", "linesep", "multiline", "nullvalue", "quote", "sep"),
    "text": ("linesep", "wholetext"),
}
_BOOLEAN = (
    "force", "header", "ignorecorruptfiles", "ignoremissingfiles", "inferschema", "mergeschema", "multiline",
    "recursivefilelookup", "wholetext",
)  # fmt: skip
_VALUES = {
    "mode": ("failfast", "permissive"),
    "encoding": ("utf-8", "utf8"),
    "charset": ("utf-8", "utf8"),
    **dict.fromkeys(_BOOLEAN, ("true", "false")),
}
_OF_COPY = ("force", "mergeschema")


def refuse_unknown(copy: Copy) -> None:
    """Refuse options that would be passed over.

    Raises:
        UnsupportedOperationException: If there is one. It names the option, and those that are served.
    """
    texts = _OF_TEXTS if copy.file_format in ("csv", "json", "text") else ()
    known = sorted((*_OF_FILES, *texts, *_READ.get(copy.file_format, ())))
    for kind, options, served in (
        ("FORMAT_OPTIONS", copy.format_options, known),
        ("COPY_OPTIONS", copy.copy_options, sorted(_OF_COPY)),
    ):
        for name, value in options.items():
            if name not in served:
                raise refused(
                    f"{name} in {kind} of COPY INTO from {copy.file_format.upper()}",
                    f"leave it away; there are {', '.join(served)}",
                )
            values = _VALUES.get(name, ())
            if values and value.lower() not in values:
                raise refused(
                    f"{name} = '{value}' in {kind} of COPY INTO", f"it has to be one of {', '.join(values)}"
                )
