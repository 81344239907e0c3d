"""COPY INTO: each file is loaded once, whatever it is called, and nothing is left out without a word."""

from .tables_lab import ran
from .workspace_lab import Lab

ODD = (
    "sp ace", "sp%20ace", "per%20cent", "ha#sh", "qu?est", "br[1]", "br1", "st*r", "st1r", "plus+",
    "ümläut", "cu{r}ly", "a,b", "back\\slash", "new\nline",
)  # fmt: skip


def test_files_of_any_name_are_loaded_once(lab: Lab) -> None:
    source = f"""
names = {ODD!r}
for number, name in enumerate(names):
    put(f"tmp/odd/{{name}}.csv", f"n\\n{{number}}\\n")
spark.sql("CREATE TABLE odd (n INT)")
found = [copied("odd", "'/tmp/odd'"), copied("odd", "'/tmp/odd'")]
found.append(sorted(row.n for row in spark.table("odd").collect()))
found.append(spark.sql("SELECT * FROM csv.`/tmp/odd/per%20cent.csv`").count() > 0)
"""
    assert ran(lab, "odd", source) == [len(ODD), 0, list(range(len(ODD))), True]


def test_what_was_loaded_is_known_when_the_log_was_cleaned_up(lab: Lab) -> None:
    source = """
put("tmp/cleaned/a.csv", "n\\n1\\n")
spark.sql("CREATE TABLE cleaned (n INT) TBLPROPERTIES ('delta.logRetentionDuration' = 'interval 0 days')")
found = [copied("cleaned", "'/tmp/cleaned'")]
for number in range(13):
    spark.sql("INSERT INTO cleaned VALUES (0)")
spark.sql("OPTIMIZE cleaned")
spark.sql("DELETE FROM cleaned WHERE n = 0")
place = spark.sql("DESCRIBE DETAIL cleaned").first().location.removeprefix("file://")
found.append((pathlib.Path(place) / "_delta_log" / f"{1:020}.json").exists())
found.append(copied("cleaned", "'/tmp/cleaned'"))
spark.sql("CREATE TABLE cloned DEEP CLONE cleaned")
found.append(copied("cloned", "'/tmp/cleaned'"))
found.append(copied("cloned", "'/tmp/cleaned'", "COPY_OPTIONS ('force' = 'true')"))
"""
    assert ran(lab, "cleaned", source) == [1, False, 0, 0, 1]


def test_fields_of_structs_are_found_by_their_names(lab: Lab) -> None:
    source = """
put("tmp/structs/a.json", '{"s": {"b": 2, "a": 1}, "l": [{"b": 4, "a": 3}]}\\n')
put("tmp/strange/a.json", '{"s": {"b": 2, "a": 1, "c": 3}}\\n')
spark.sql("CREATE TABLE structs (s STRUCT<a: INT, b: INT>, l ARRAY<STRUCT<a: INT, b: INT>>)")
copied("structs", "'/tmp/structs'", format="JSON", options="")
rows = spark.sql("SELECT named_struct('b', 2, 'a', 1) AS s, array(named_struct('b', 4, 'a', 3)) AS l")
rows.write.mode("append").saveAsTable("structs")
rows.createOrReplaceTempView("rows")
spark.sql("INSERT INTO structs BY NAME SELECT * FROM rows")
spark.sql("INSERT INTO structs SELECT named_struct('x', 1, 'y', 2), array(named_struct('x', 3, 'y', 4))")
there = spark.sql("SELECT s.a, s.b, l[0].a AS x, l[0].b AS y FROM structs").collect()
found = [[r.a, r.b, r.x, r.y] for r in there]
more = spark.sql("SELECT named_struct('a', 5, 'b', 6, 'c', 7) AS s")
found.append(refusal(lambda: more.write.mode("append").saveAsTable("structs")))
found.append(refusal(lambda: copied("structs", "'/tmp/strange'", format="JSON", options="")))
found.append(refusal(lambda: spark.sql("INSERT INTO structs SELECT named_struct('a', 1), NULL")))
more.write.mode("append").option("mergeSchema", "true").saveAsTable("structs")
found.append([r[0] for r in spark.sql("SELECT s.c FROM structs WHERE s.a = 5").collect()])
wrong = "INSERT INTO structs (l) SELECT array(named_struct('a', 'z', 'b', 1))"
found.append(refusal(lambda: spark.sql(wrong)))
"""
    assert ran(lab, "structs", source) == [
        *[[1, 2, 3, 4]] * 4,
        "DELTA_METADATA_MISMATCH",
        "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
        "INCOMPATIBLE_DATA_FOR_TABLE.STRUCT_MISSING_FIELDS",
        [7],
        "CAST_INVALID_INPUT",
    ]


def test_files_that_options_leave_out_are_loaded_later(lab: Lab) -> None:
    source = """
import os
for name in ("a.csv", "b.csv", "c.txt"):
    put(f"tmp/filtered/{name}", "n\\n1\\n")
os.utime("/dbfs/tmp/filtered/a.csv", (1_600_000_000, 1_600_000_000))
spark.sql("CREATE TABLE filtered (n INT)")
source = "'/tmp/filtered'"
found.append(copied("filtered", source, options="'header' = 'true', 'pathGlobFilter' = '*.txt'"))
found.append(copied("filtered", source, options="'header' = 'true', 'modifiedBefore' = '2021-01-01T00:00'"))
found.append(copied("filtered", source, options="'header' = 'true', 'modifiedAfter' = '2099-01-01'"))
found.append(copied("filtered", source))
found.append("tru" in refusal(lambda: copied("filtered", source, "COPY_OPTIONS ('force' = 'tru')")))
found.append("nonsense" in refusal(lambda: copied("filtered", source, options="'nonsense' = '1'")))
"""
    assert ran(lab, "filtered", source) == [1, 1, 0, 1, True, True]


def test_a_file_is_the_same_however_its_path_is_written(lab: Lab) -> None:
    source = """
put("tmp/spelled/a.csv", "n\\n1\\n")
spark.sql("CREATE TABLE spelled (n INT)")
for source in ("/tmp/spelled", "/tmp//spelled/", "dbfs:/tmp/spelled/../spelled/a.csv", "dbfs:///tmp/spelled/./a.csv"):
    found.append(copied("spelled", f"'{source}'"))
"""
    assert ran(lab, "spelled", source) == [1, 0, 0, 0]


def test_the_query_around_files(lab: Lab) -> None:
    source = """
put("tmp/asked/1.csv", "id,qty,price\\n1,2,3\\n")
put("tmp/asked/2.csv", "id,qty,price\\n2,3,4\\n")
spark.sql("CREATE TABLE asked (id INT, total INT, f STRING)")
total = "(qty::INT * price::INT) AS total"
query = f"SELECT id::INT, {total}, concat('*', _metadata.file_name) AS f FROM '/tmp/asked'"
found.append(copied("asked", f"({query} WHERE input_file_name() LIKE '%2.csv')"))
found.append(rows("SELECT * FROM asked"))
spark.sql("CREATE TABLE starred (id INT, qty INT, price INT, f STRING)")
found.append(copied("starred", "(SELECT s.*, _metadata.file_name AS f FROM '/tmp/asked' AS s)"))
found.append(rows("SELECT * FROM starred"))
"""
    starred = [[1, 2, 3, "1.csv"], [2, 3, 4, "2.csv"]]
    assert ran(lab, "asked", source) == [1, [[2, 12, "*2.csv"]], 2, starred]


def test_json_files_whose_numbers_are_whole_in_one_and_not_in_the_other(lab: Lab) -> None:
    source = """
put("tmp/numbers/a.json", '{"a": 1}\\n')
put("tmp/numbers/b.json", '{"a": 2, "b": "x"}\\n{"a": 3.5}\\n')
put("tmp/numbers/c.json", '{"a": 1}\\n' * 2000 + '{"a": 4.5}\\n')
spark.sql("CREATE TABLE numbers (a DOUBLE, b STRING)")
found.append(copied("numbers", "'/tmp/numbers'", format="JSON", options=""))
found.append(rows("SELECT sum(a), max(b) FROM numbers"))
"""
    assert ran(lab, "numbers", source) == [2004, [[2011.0, "x"]]]


def test_more_files_than_the_engine_can_nest(lab: Lab) -> None:
    source = """
for number in range(105):
    put(f"tmp/several/{number}.csv", f"n\\n{number}\\n")
spark.sql("CREATE TABLE several (n INT, f STRING)")
found.append(copied("several", "(SELECT n, _metadata.file_name AS f FROM '/tmp/several')"))
checked = "COPY INTO several FROM '/tmp/several' FILEFORMAT = CSV VALIDATE FORMAT_OPTIONS ('header' = 'true')"
found.append(len(spark.sql(checked).collect()))
put("tmp/several/104.csv", "n\\nwrong\\n")
found.append(refusal(checked))
"""
    assert ran(lab, "several", source) == [105, 50, "CAST_INVALID_INPUT"]


def test_a_file_that_is_broken_behind_its_beginning_is_loaded_later(lab: Lab) -> None:
    source = """
import gzip
whole = gzip.compress("".join(f"{number}\\n" for number in range(200_000)).encode())
for name, content in (("whole", whole), ("cut", whole[: len(whole) * 2 // 3])):
    place = pathlib.Path(f"/dbfs/tmp/cut/{name}.csv.gz")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
spark.sql("CREATE TABLE uncut (n INT)")
copy = "COPY INTO uncut (n) FROM '/tmp/cut' FILEFORMAT = CSV FORMAT_OPTIONS ('ignoreCorruptFiles' = 'true')"
found.append([*spark.sql(copy).first()])
(pathlib.Path("/dbfs/tmp/cut") / "cut.csv.gz").write_bytes(whole)
found.append([*spark.sql(copy).first()])
"""
    assert ran(lab, "uncut", source) == [[200_000, 200_000, 1], [200_000, 200_000, 0]]


def test_dates_are_read_however_they_are_written(lab: Lab) -> None:
    source = """
dates = ["2024-02-29", "2024-3-1", "2024", "", "0001-01-01", "9999-12-31", "261238-1-1"]
put("tmp/dates/a.csv", "n,d,l\\n" + "".join(f"{n},{d},x\\n" for n, d in enumerate(dates)))
spark.sql("CREATE TABLE dates (n INT, d DATE, l STRING)")
found.append(copied("dates", "'/tmp/dates'", "FILES = ('a.csv')"))
found.append(rows("SELECT n, CAST(d AS STRING) FROM dates WHERE n < 6"))
for number, wrong in enumerate(("20240101", "2023-02-29", "2024-13-01", "12:34:56.7", "2024-01-0x")):
    put(f"tmp/dates/{number}.csv", f"n,d,l\\n1,2024-01-01,x\\n2,{wrong},x\\n")
    found.append(refusal(lambda: copied("dates", "'/tmp/dates'", f"FILES = ('{number}.csv')")))
spark.sql("CREATE TABLE lists (l ARRAY<DATE>)")
spark.sql("INSERT INTO lists SELECT array('2024-01-01', '2024', NULL)")
found.append(rows("SELECT CAST(explode(l) AS STRING) FROM lists"))
found.append(refusal("INSERT INTO lists SELECT array('2024-01-01', '20240101')"))
"""
    read = ["2024-02-29", "2024-03-01", "2024-01-01", None, "0001-01-01", "9999-12-31"]
    wrong = ["CAST_INVALID_INPUT"] * 5
    lists = [[["2024-01-01"], ["2024-01-01"], [None]], "CAST_INVALID_INPUT"]
    assert ran(lab, "dates", source) == [7, [[*each] for each in enumerate(read)], *wrong, *lists]
