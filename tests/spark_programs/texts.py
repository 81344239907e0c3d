"""Functions of texts."""

from pyspark.sql import functions as F

NAMES = "select * from values ('Ada Lovelace'), ('grace hopper'), (''), (null), ('Émile') as t(name)"


def _names(spark):
    return spark.sql(NAMES)


def letters(spark):
    return _names(spark).select(F.upper("name"), F.lower("name"), F.initcap("name"), F.length("name"))


def pieces(spark):
    return _names(spark).select(
        F.substring("name", 1, 3), F.col("name").substr(-3, 2), F.left("name", F.lit(2))
    )


def splitting(spark):
    return _names(spark).select(F.split("name", " "), F.split("name", " ")[1])


def split_with_a_limit(spark):
    return spark.sql("select split('a1b2c', '[0-9]', 2), split('a,b,', ','), split('abc', '')")


def joining(spark):
    return _names(spark).select(
        F.concat("name", F.lit("!")), F.concat_ws("-", F.lit("a"), "name", F.lit("b"))
    )


def trimming(spark):
    return spark.sql(
        "select trim('  a '), ltrim('  a '), rtrim('  a '), trim(both 'x' from 'xxaxx'), btrim('xax', 'x')"
    )


def padding(spark):
    return _names(spark).select(F.lpad("name", 6, "*"), F.rpad("name", 3, "*"))


def replacing(spark):
    return _names(spark).select(F.regexp_replace("name", "[aeiou]", "_"), F.translate("name", "ae", "12"))


def groups_in_replacements(spark):
    return spark.sql(r"select regexp_replace('2024-05', '(\\d+)-(\\d+)', '$2/$1'), replace('aXbX', 'X', '-')")


def extracting(spark):
    return _names(spark).select(F.regexp_extract("name", r"(\w+) (\w+)", 2), F.regexp_extract("name", "z", 0))


def extracting_all(spark):
    return spark.sql(r"select regexp_extract_all('a1b22', '(\\d+)', 1), regexp_count('a1b22', '\\d')")


def patterns(spark):
    return _names(spark).select(
        F.col("name").like("%a%"), F.col("name").rlike("^A"), F.col("name").ilike("%A%")
    )


def lookarounds(spark):
    return spark.sql(r"select regexp_replace('price100', '(?<=price)\\d+', 'X'), 'abc' rlike 'a(?=b)'")


def finding(spark):
    return _names(spark).select(F.instr("name", "a"), F.locate("a", "name", 3), F.col("name").contains("a"))


def ends(spark):
    return _names(spark).select(F.col("name").startswith("A"), F.col("name").endswith("r"))


def repeating(spark):
    return spark.sql("select repeat('ab', 2), reverse('abc'), space(2), ascii('A'), chr(65)")


def numbers_in_texts(spark):
    return spark.sql("select format_number(12345.678, 2), printf('%05d|%.2f|%s', 42, 1.5D, 'x')")


def formatted(spark):
    return _names(spark).select(F.format_string("<%s>", "name"))


def hashes(spark):
    return spark.sql("select md5('a'), sha1('a'), sha2('a', 256), crc32('a')")


def spark_hashes(spark):
    return spark.sql("select hash('a', 1), xxhash64('a'), hash(cast(null as string))")


def encodings(spark):
    return spark.sql("select base64('abc'), unbase64('YWJj'), decode(encode('é', 'UTF-8'), 'UTF-8')")


def distances(spark):
    return spark.sql("select levenshtein('kitten', 'sitting'), soundex('Robert')")


def texts_compared(spark):
    return _names(spark).select(F.col("name") > "B", F.col("name") == "", F.col("name").isNull())


def urls(spark):
    return spark.sql(
        "select parse_url('https://a.b/c?d=1#e', 'HOST'), parse_url('https://a.b/c?d=1', 'QUERY', 'd')"
    )


def index_of_pieces(spark):
    return spark.sql(
        "select substring_index('a.b.c', '.', 2), split_part('a.b.c', '.', -1), find_in_set('b', 'a,b')"
    )


def texts_overlaid(spark):
    return spark.sql("select overlay('Spark SQL' placing '_' from 6), elt(2, 'a', 'b'), char_length('añb')")


def masked(spark):
    return spark.sql("select mask('Abc-12'), to_char(1234, '9,999'), to_number('1,234', '9,999')")
