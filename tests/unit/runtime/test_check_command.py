from __future__ import annotations

import json
from typing import TYPE_CHECKING

from realtimeapp_runtime import check_command, failure
from realtimeapp_runtime.check_command import LEVELS, summarise

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ERROR, WARNING = LEVELS["ERROR"], LEVELS["WARNING"]


def test_errors_come_first_and_each_id_once() -> None:
    report = summarise(
        [(ERROR, "djust.A001"), (ERROR, "djust.A001"), (WARNING, "security.W004")], threshold=ERROR
    )
    assert report.reason == "ChecksFailed"
    assert report.findings == ("djust.A001", "security.W004")
    assert report.message == "1 finding to mend: djust.A001. 1 warning: security.W004."


def test_warnings_alone_pass() -> None:
    report = summarise([(WARNING, "a.W001"), (WARNING, "a.W002")], threshold=ERROR)
    assert (report.reason, report.message) == ("ChecksPassed", "2 warnings: a.W001, a.W002.")
    assert summarise([(WARNING, "a.W001")], threshold=WARNING).reason == "ChecksFailed"


def test_nothing_found() -> None:
    assert summarise([], threshold=ERROR) == check_command.Report("ChecksPassed", "No finding.", ())


def test_a_long_list_fits_into_the_termination_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIMEAPP_TERMINATION_LOG", str(tmp_path / "log"))
    found = [(WARNING, f"a_package_with_a_very_long_name.W{number:03d}") for number in range(200)]
    report = summarise(found, threshold=ERROR)
    failure.write_document(report.reason, report.message, findings=list(report.findings))
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert len(text.encode()) < 4096, "the kubelet cuts there"
    document = json.loads(text)
    assert len(document["findings"]) == 40
    assert document["message"].endswith("and 188 more.")
