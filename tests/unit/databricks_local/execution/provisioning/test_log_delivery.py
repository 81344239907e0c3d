"""Logs on their way to where a cluster wants them."""

from pathlib import Path

import pytest
from databricks_local.execution.provisioning import log_delivery
from databricks_local.execution.provisioning.log_delivery import LogDelivery, delivery_for
from databricks_local.runtime.dbutils.secret_values import Redactor

PLACES = {"/dbfs": "/srv/dbfs", "/Volumes": "/srv/volumes", "/Workspace": "/srv/files"}


@pytest.mark.parametrize(
    ("destination", "directory"),
    [
        ("dbfs:/logs", "/srv/dbfs/logs/c-1/driver"),
        ("/Volumes/a/b/c", "/srv/volumes/a/b/c/c-1/driver"),
        ("s3://bucket/logs", None),
        ("", None),
    ],
)
def test_destinations(destination: str, directory: str | None) -> None:
    delivery = delivery_for(destination, "c-1", PLACES)
    assert (delivery and str(delivery.directory)) == directory


def test_what_has_come_is_appended_in_whole_lines_without_secrets(tmp_path: Path) -> None:
    log, redactor = tmp_path / "log", Redactor()
    redactor.add("secret")
    delivery = LogDelivery(tmp_path / "driver")
    delivery.add("stdout", log, redactor)
    target = tmp_path / "driver" / "stdout"
    delivery.deliver()
    log.write_text("one\nsec")
    delivery.deliver()
    assert target.read_text() == "one\n"
    log.write_text("one\nsecret\ntwo")
    delivery.deliver()
    delivery.deliver()
    assert target.read_text() == "one\n[REDACTED]\n"
    delivery.finish(log)
    assert target.read_text() == "one\n[REDACTED]\ntwo"
    log.write_text("one\nsecret\ntwo, later\n")
    delivery.deliver()
    assert target.read_text() == "one\n[REDACTED]\ntwo"


def test_a_log_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_delivery, "PIECE_BYTES", 8)
    content = "a line that is long\nshort\n" * 3 + "end"
    (tmp_path / "log").write_text(content)
    delivery = LogDelivery(tmp_path / "driver")
    delivery.add("stdout", tmp_path / "log", Redactor())
    delivery.deliver()
    delivery.finish(tmp_path / "log")
    assert (tmp_path / "driver" / "stdout").read_text() == content


def test_logs_of_two_tasks_are_in_one_file(tmp_path: Path) -> None:
    delivery = LogDelivery(tmp_path / "driver")
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(name.encode() + b"\xff\n")
        delivery.add("stderr", tmp_path / name, Redactor())
        delivery.finish(tmp_path / name)
    assert (tmp_path / "driver" / "stderr").read_text() == "first\\xff\nsecond\\xff\n"
