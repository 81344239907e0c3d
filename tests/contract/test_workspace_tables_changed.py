"""Rows that take the place of others: which ones go, and what a table refuses."""

from .tables_lab import ran
from .workspace_lab import Lab


def test_a_partition_is_emptied_and_no_other(lab: Lab) -> None:
    source = """
spark.sql("CREATE TABLE parts (n INT, p INT, d DATE) PARTITIONED BY (p, d)")
spark.sql("INSERT INTO parts VALUES (1, 1, '2024-01-01'), (2, 1, '2024-01-02'), (3, 2, '2024-01-01')")
spark.sql("INSERT INTO parts VALUES (4, NULL, NULL)")
spark.sql("INSERT OVERWRITE parts PARTITION (p = 1, d) SELECT 10, DATE'2024-01-01'")
found.append(rows("SELECT n FROM parts"))
empty = "INSERT OVERWRITE parts PARTITION (p = :p, d = '2024-01-01') SELECT n FROM parts WHERE false"
spark.sql(empty, args={"p": 2})
found.append(rows("SELECT n FROM parts"))
spark.sql("INSERT OVERWRITE parts PARTITION (p = NULL, d = NULL) SELECT n FROM parts WHERE false")
found.append(rows("SELECT n FROM parts"))
found.append(refusal("INSERT OVERWRITE parts PARTITION (n = 1) SELECT 1, DATE'2024-01-01'"))
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
spark.sql("INSERT OVERWRITE parts PARTITION (p = 1, d) SELECT 11, DATE'2024-01-03'")
found.append(rows("SELECT n FROM parts"))
spark.sql("CREATE TABLE whole AS SELECT 1 AS n")
spark.sql("INSERT OVERWRITE whole SELECT n FROM whole WHERE false")
found.append(rows("SELECT n FROM whole"))
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
spark.sql("INSERT OVERWRITE parts SELECT * FROM parts WHERE false")
found.append(rows("SELECT n FROM parts"))
"""
    assert ran(lab, "parts", source) == [
        [[10], [3], [4]],
        [[10], [4]],
        [[10]],
        "NON_PARTITION_COLUMN",
        [[10], [11]],
        [],
        [],
    ]


def test_rows_in_the_place_of_those_of_a_condition_are_checked_and_counted(lab: Lab) -> None:
    source = """
spark.sql("CREATE TABLE placed (p INT, n INT)")
spark.sql("INSERT INTO placed VALUES (1, 0), (2, 0)")
query = "INSERT INTO placed REPLACE WHERE p = :p SELECT 1, id FROM range(3) WHERE rand() < 0.5 OR id = 0"
number = spark.sql(query, args={"p": 1}).first().num_affected_rows
found.append(number == spark.sql("SELECT * FROM placed WHERE p = 1").count())

def saved(query, **options):
    frame = spark.sql(query)
    writer = frame.write.mode("overwrite").option("replaceWhere", "p = 1").options(**options)
    return lambda: writer.saveAsTable("placed")

found.append(refusal(saved("SELECT 1 AS p, 'z' AS n")))
found.append(refusal(saved("SELECT 1 AS p, 2 AS n, 3 AS more")))
found.append(refusal(saved("SELECT 2 AS p, 2 AS n")))
found.append(refusal(saved("SELECT 1 AS p", overwriteSchema="true")))
found.append(refusal("INSERT INTO placed REPLACE WHERE p = 1 VALUES (2, 2)"))
found.append(rows("SELECT p, n FROM placed WHERE p = 2"))
saved("SELECT '8' AS n, 1 AS p")()
found.append(rows("SELECT p, n FROM placed"))
saved("SELECT 1 AS p, 3 AS more", mergeSchema="true")()
found.append(rows("SELECT * FROM placed"))
"""
    assert ran(lab, "placed", source) == [
        True,
        "CAST_INVALID_INPUT",
        "DELTA_METADATA_MISMATCH",
        "DELTA_REPLACE_WHERE_MISMATCH",
        "DELTA_ILLEGAL_USAGE",
        "DELTA_REPLACE_WHERE_MISMATCH",
        [[2, 0]],
        [[1, 8], [2, 0]],
        [[1, None, 3], [2, 0, None]],
    ]


def test_writers_that_replace_rows_wait_for_others(lab: Lab) -> None:
    source = """
import threading
spark.sql("CREATE TABLE awaited (p INT, n INT)")

def work(me):
    for number in range(4):
        found.append(refusal(f"INSERT INTO awaited REPLACE WHERE p = {me} VALUES ({me}, {number})"))
        found.append(refusal(f"INSERT INTO awaited VALUES ({me + 10}, {number})"))

threads = [threading.Thread(target=work, args=(me,)) for me in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found.append(rows("SELECT p, count(*), max(n) FROM awaited GROUP BY p"))
"""
    *refusals, there = ran(lab, "awaited", source)
    assert refusals == ["none"] * 16
    assert there == [[1, 1, 3], [11, 4, 3], [12, 4, 3], [2, 1, 3]]


def test_a_table_that_only_grows(lab: Lab) -> None:
    source = """
spark.sql("CREATE TABLE grows (n INT) TBLPROPERTIES ('delta.appendOnly' = 'true')")
spark.sql("INSERT INTO grows VALUES (1)")
frame = spark.sql("SELECT 2 AS n")
for run in (
    "INSERT OVERWRITE grows VALUES (2)", "TRUNCATE TABLE grows", "DELETE FROM grows",
    "UPDATE grows SET n = 2", "RESTORE grows TO VERSION AS OF 0", "CREATE OR REPLACE TABLE grows (m INT)",
    "INSERT INTO grows REPLACE WHERE n = 2 VALUES (2)",
    lambda: frame.write.mode("overwrite").saveAsTable("grows"),
    lambda: frame.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("grows"),
):
    found.append(refusal(run))
spark.sql("INSERT INTO grows VALUES (3)")
spark.sql("OPTIMIZE grows")
found.append(rows("SELECT * FROM grows"))
spark.sql("ALTER TABLE grows SET TBLPROPERTIES ('delta.appendOnly' = 'false')")
found.append(refusal("TRUNCATE TABLE grows"))
"""
    assert ran(lab, "grows", source) == [*["DELTA_CANNOT_MODIFY_APPEND_ONLY"] * 9, [[1], [3]], "none"]


def test_a_table_that_is_replaced_has_the_features_that_it_needs(lab: Lab) -> None:
    source = """
from deltalake import DeltaTable
spark.sql("CREATE TABLE again (n INT, CHECK (n > 0)) COMMENT 'old'")
spark.sql(
    "CREATE OR REPLACE TABLE again (`q r` INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
)
detail = spark.sql("DESCRIBE DETAIL again").first()
found.append([detail.minReaderVersion, detail.minWriterVersion])
found.append(spark.catalog.getTable("again").description or "")
spark.sql("CREATE OR REPLACE TABLE again (m INT) COMMENT 'new'")
frame = spark.sql("SELECT 1 AS z")
frame.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("again")
found.append(spark.catalog.getTable("again").description)
"""
    assert ran(lab, "again", source) == [[2, 5], "", "new"]


def test_several_statements_at_once_are_refused_and_none_is_done(lab: Lab) -> None:
    source = """
spark.sql("CREATE TABLE stays AS SELECT 1 AS n")
for text in (
    "DROP TABLE IF EXISTS nothere; DROP TABLE stays", "DROP TABLE stays; SELECT 1", "SELECT 1; SELECT 2",
    "REFRESH TABLE stays; TRUNCATE TABLE stays", "ALTER TABLE stays SET OWNER TO me; SELECT 1",
    "INSERT INTO stays VALUES (2); SELECT 1", "DROP TABLE stays nonsense",
    "UNCACHE TABLE stays; DELETE FROM stays",
):
    found.append(refusal(text))
found.append(rows("SELECT * FROM stays; -- that is all"))
found.append(rows("SELECT ';' AS s FROM stays;"))
"""
    assert ran(lab, "stays", source) == [*["PARSE_SYNTAX_ERROR"] * 8, [[1]], [[";"]]]
