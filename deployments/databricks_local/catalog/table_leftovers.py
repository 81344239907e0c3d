"""What a killed server left in the middle of something."""

from databricks_local.catalog.records import is_readable
from databricks_local.catalog.table_files import TableFiles
from databricks_local.catalog.table_records import MOVING, TableRecords


def bring_to_order(records: TableRecords, files: TableFiles) -> None:
    """Bring files to where they belong, and remove those of no table. What cannot be done is in the log.

    Args:
        records: The records of all tables.
        files: Their files.
    """
    for names, record in list(records.all()):
        target = record.pop(MOVING, "")
        # By now the files there may be those of another table.
        if target and (records.is_owned(target) or files.move_back(record["storage_location"], target)):
            records.put(names, record)
    kept = [record for _, record in records.all()]
    if not all(map(is_readable, kept)):
        # Nobody knows whose files are there.
        return
    used = {str(record.get("storage_location")) for record in kept}
    for location in records.in_work():
        if location in used or files.remove(location):
            records.end(location)
    files.sweep(used)
