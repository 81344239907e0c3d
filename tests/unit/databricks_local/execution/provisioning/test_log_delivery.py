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
        ("dbfs:/logs", ("/srv/dbfs/logs/c-1/driver", "/srv/dbfs")),
        ("/Volumes/a/b/c", ("/srv/volumes/a/b/c/c-1/driver", "/srv/volumes/a/b/c")),
        ("dbfs:/Volumes/a/b/c/d/e", ("/srv/volumes/a/b/c/d/e/c-1/driver", "/srv/volumes/a/b/c")),
        ("s3://bucket/logs", None),
        ("", None),
    ],
)
def test_destinations(destination: str, directory: tuple[str, str] | None) -> None:
    delivery = delivery_for(destination, "c-1", PLACES)
    assert (delivery and (str(delivery.directory), str(delivery.home))) == directory


def test_no_volume_is_made_and_no_link_followed_out_of_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    places = {name: str(tmp_path / name[1:]) for name in PLACES}
    volume, elsewhere, log = tmp_path / "Volumes" / "main" / "x" / "logs", tmp_path / "else", tmp_path / "log"
    log.write_text("one\n")
    delivery = delivery_for("/Volumes/main/x/logs/link", "c-1", places)
    assert delivery is not None
    delivery.add("stdout", log, Redactor())
    delivery.deliver()
    assert not (tmp_path / "Volumes").exists()
    assert "there is no such volume or folder" in caplog.text
    volume.mkdir(parents=True)
    elsewhere.mkdir()
    (volume / "link").symlink_to(elsewhere)
    delivery.deliver()
    assert list(elsewhere.iterdir()) == []
    (volume / "link").unlink()
    delivery.deliver()
    assert (volume / "link" / "c-1" / "driver" / "stdout").read_text() == "one\n"


def test_what_has_come_is_appended_in_whole_lines_without_secrets(tmp_path: Path) -> None:
    log, redactor = tmp_path / "log", Redactor()
    redactor.add("secret")
    delivery = LogDelivery(tmp_path / "driver", tmp_path)
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
    delivery = LogDelivery(tmp_path / "driver", tmp_path)
    delivery.add("stdout", tmp_path / "log", Redactor())
    delivery.deliver()
    delivery.finish(tmp_path / "log")
    assert (tmp_path / "driver" / "stdout").read_text() == content


def test_logs_of_two_tasks_are_in_one_file(tmp_path: Path) -> None:
    delivery = LogDelivery(tmp_path / "driver", tmp_path)
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(name.encode() + b"\xff\n")
        delivery.add("stderr", tmp_path / name, Redactor())
        delivery.finish(tmp_path / name)
    assert (tmp_path / "driver" / "stderr").read_text() == "first\\xff\nsecond\\xff\n"


def test_a_place_that_takes_nothing_for_a_while_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, the delivery goes on, and no task fails."""
    log, place = tmp_path / "log", tmp_path / "logs"
    log.write_text("one\n")
    place.write_text("a file where a folder is needed")
    delivery = LogDelivery(place / "driver", tmp_path)
    delivery.add("stdout", log, Redactor())
    delivery.deliver()
    delivery.deliver()
    assert caplog.messages == [f"stdout cannot be delivered to {place}/driver: Not a directory"]
    place.unlink()
    delivery.deliver()
    assert (place / "driver" / "stdout").read_text() == "one\n"
    place.rename(tmp_path / "other")
    place.write_text("a file again")
    delivery.finish(log)
    place.unlink()
    delivery.deliver()
    assert not place.exists(), "A log that is finished is about to be removed."


def test_a_piece_that_is_not_written_comes_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As on a disk that is full."""
    log, target = tmp_path / "log", tmp_path / "stdout"
    log.write_text("one\n")
    target.symlink_to("/dev/full")
    delivery = LogDelivery(tmp_path, tmp_path)
    delivery.add("stdout", log, Redactor())
    delivery.deliver()
    assert caplog.messages == [f"stdout cannot be delivered to {tmp_path}: No space left on device"]
    target.unlink()
    delivery.finish(log)
    assert target.read_text() == "one\n"
