"""The query of COPY INTO around its files, as the engine reads it. Pure."""

from collections.abc import Sequence

from databricks_local.runtime.tables.reading.references import edited
from databricks_local.runtime.tables.reading.tokens import SIGN, Token, quoted_name, tokens_of

METADATA = "_metadata"
_FILE_NAME = "INPUT_FILE_NAME"
_ASKING = (METADATA.upper(), _FILE_NAME)


def asks_for_files(text: str) -> bool:
    """Whether a query asks which file a row is from.

    Example:
        >>> asks_for_files("id, _metadata.file_name"), asks_for_files("'_metadata'")
        (True, False)
    """
    return any(token.is_name and token.text.upper() in _ASKING for token in tokens_of(text))


def spelled_out(select: str, columns: Sequence[str]) -> str:
    """Expressions without `input_file_name()`, whose star stands for the given columns alone.

    Example:
        >>> spelled_out("*, a * b, input_file_name()", ["a", "b"])
        '`a`, `b`, a * b, _metadata.file_path'
    """
    tokens = tokens_of(select)
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token.is_word(_FILE_NAME) and _signs(tokens[index + 1 : index + 3]) == "()":
            edits.append((token.start, tokens[index + 2].end, f"{METADATA}.file_path"))
        elif token.kind == SIGN and token.text == "*":
            edits += _star(tokens, index, columns)
    return edited(select, edits)


def _star(tokens: Sequence[Token], index: int, columns: Sequence[str]) -> list[tuple[int, int, str]]:
    """The columns in the place of a star; nothing if it multiplies."""
    before = tokens[index - 1] if index else None
    start, end, prefix = tokens[index].start, tokens[index].end, ""
    if before is not None and before.kind == SIGN and before.text == "." and index > 1:
        prefix, start = f"{quoted_name(tokens[index - 2].text)}.", tokens[index - 2].start
    elif before is not None and not (before.kind == SIGN and before.text == ","):
        return []
    without: set[str] = set()
    if index + 1 < len(tokens) and tokens[index + 1].is_word("EXCEPT"):
        inside = tokens[index + 2 :]
        closing = next(each for each in inside if each.kind == SIGN and each.text == ")")
        without = {each.text.lower() for each in inside if each.is_name and each.start < closing.start}
        end = closing.end
    names = [name for name in columns if name.lower() not in without]
    return [(start, end, ", ".join(prefix + quoted_name(name) for name in names))]


def _signs(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens if token.kind == SIGN)
