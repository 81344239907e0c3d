"""Write records of a CSV file again as plain CSV: commas, decimal points, only the columns that are used."""

from __future__ import annotations

from collections.abc import Sequence

from databricks_blocks.csv.records import grammar, with_one_line_end


def plain_records(
    data: bytes, delimiter: str, *, decimals: Sequence[int] = (), columns: Sequence[int] | None = None
) -> bytes:
    """Write records with commas, and a line feed at the end of each.

    Args:
        data: Whole and well-formed records; the last may lack its line end.
        delimiter: What separates their fields.
        decimals: Positions of the columns whose numbers have decimal commas, which become points.
        columns: Positions of the columns to write; left out: all.
    """
    given = delimiter.encode()
    if columns is None and not decimals and b'"' not in data and b"," not in data.replace(given, b""):
        return with_one_line_end(data).replace(given, b",")
    split, start, written = grammar(delimiter).raw_fields, 0, []
    if data and not data.endswith((b"\n", b"\r")):
        data += b"\n"
    while start < len(data) and (found := split(data, start)):
        fields, start = found
        for position in decimals:
            fields[position] = fields[position].replace(b",", b".")
        if columns is not None:
            fields = [fields[position] for position in columns]
        if delimiter != ",":
            fields = [b'"%b"' % raw if b"," in raw and not raw.startswith(b'"') else raw for raw in fields]
        written.append(b",".join(fields))
    return b"\n".join([*written, b""])
