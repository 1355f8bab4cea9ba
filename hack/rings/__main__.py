"""Run the test rings in order and end with one table.

`make test` runs them all, without the tests marked `thorough`; a name runs one, with them. A ring that fails does not stop
the next one, so one run shows everything; the exit code is 1 when anything failed. What this run started (clusters) it also removes, and only that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from hack.rings.ahead import Ahead
from hack.rings.surroundings import Surroundings

ROOT = Path(__file__).resolve().parents[2]
RINGS = ("lint", "unit", "runtime", "api", "e2e")
PARALLEL = {"unit": 2, "runtime": 4}
"""Tests at the same time: one per core for the unit ring; the runtime ring mostly waits for drains to take their time."""

SLOW_SECONDS = 5
"""A test that takes longer than this is named, if it is among the ten longest of its ring."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Outcome of one ring; `skipped` holds one reason per skipped test."""

    ring: str
    passed: int
    failed: int
    skipped: tuple[str, ...]
    seconds: float


def main() -> int:
    """Parse the command line, run the rings, print the table."""
    parser = argparse.ArgumentParser(prog="hack.rings", description=__doc__)
    parser.add_argument("ring", nargs="*", choices=[*RINGS, []], help="rings to run; default: all, in order")
    parser.add_argument("-k", dest="keyword", help="only tests matching this pytest expression")
    arguments = parser.parse_args()
    wanted = [ring for ring in RINGS if ring in arguments.ring] if arguments.ring else list(RINGS)
    with Surroundings() as surroundings, Ahead(wanted=surroundings.can_build_ahead(wanted)):
        results = [
            run(
                ring,
                surroundings=surroundings,
                keyword=arguments.keyword,
                thorough=bool(arguments.ring),
            )
            for ring in wanted
        ]
    print_table(results)
    return 1 if any(result.failed for result in results) else 0


def run(ring: str, *, surroundings: Surroundings, keyword: str | None, thorough: bool) -> Result:
    """Run one ring with its output visible; a ring whose surroundings cannot be set up counts as failed."""
    print(f"\n=== {ring} ===", flush=True)
    started = time.monotonic()
    try:
        surroundings.prepare(ring)
    except subprocess.CalledProcessError as error:
        print(
            f"{ring}: `{' '.join(map(str, error.cmd))}` failed with exit code {error.returncode}", flush=True
        )
        return Result(ring=ring, passed=0, failed=1, skipped=(), seconds=time.monotonic() - started)
    if ring == "lint":
        failed = subprocess.run([sys.executable, "-m", "hack.lint"], cwd=ROOT, check=False).returncode != 0
        return Result(
            ring=ring,
            passed=int(not failed),
            failed=int(failed),
            skipped=(),
            seconds=time.monotonic() - started,
        )
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", f"tests/{ring}", "-q", f"--junitxml={report}"]
        command += ["--durations=10", f"--durations-min={SLOW_SECONDS}"]
        command += ["-n", str(PARALLEL[ring])] if ring in PARALLEL else []
        command += ["-k", keyword] if keyword else []
        command += [] if thorough else ["-m", "not thorough"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        return read_report(ring, report, code=code, seconds=time.monotonic() - started)


def read_report(ring: str, report: Path, *, code: int, seconds: float) -> Result:
    """Counts from pytest's JUnit report; a run without a report, or without a test, has failed."""
    if not report.exists():
        return Result(ring=ring, passed=0, failed=1, skipped=(), seconds=seconds)
    cases = ET.parse(report).getroot().findall(".//testcase")  # noqa: S314 - our own pytest wrote this file
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skips = [skip for case in cases if (skip := case.find("skipped")) is not None]
    reasons = tuple(skip.get("message", "") for skip in skips)
    if code != 0 and failed == 0:
        failed = 1
    return Result(
        ring=ring,
        passed=max(len(cases) - failed - len(reasons), 0),
        failed=failed,
        skipped=reasons,
        seconds=seconds,
    )


def print_table(results: list[Result]) -> None:
    """One row per ring, then the totals in a line of their own."""
    print(f"\n{'ring':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for result in results:
        print(
            f"{result.ring:<10}{result.passed:>8}{result.failed:>8}{len(result.skipped):>9}{result.seconds:>9.0f}"
        )
    for result in results:
        for reason in sorted(set(result.skipped)):
            print(f"  skipped in {result.ring}: {reason}")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    skipped = sum(len(r.skipped) for r in results)
    print(f"\ntotal: {passed} passed, {failed} failed, {skipped} skipped", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what this run started is removed")
