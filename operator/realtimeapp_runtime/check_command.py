"""The verb `check`: Django's deployment checks, those of the packages and the runtime's own, as one list of ids.

The application is loaded as a server would load it, so what keeps a pod from starting is found here as well. The full text of every
finding goes to stderr; the termination message has the ids, for a condition.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import applications, check_facts, checks_registry, failure, preload
from realtimeapp_runtime.failure import StartupFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtimeapp_runtime.config import Config

CHECKS_PASSED: Final = "ChecksPassed"
CHECKS_FAILED: Final = "ChecksFailed"
LEVELS: Final = {"CRITICAL": 50, "ERROR": 40, "WARNING": 30, "INFO": 20, "DEBUG": 10}
"""Django's numbers."""
MAX_IDS: Final = 40
_IDS_IN_SENTENCE: Final = 12
_WITHOUT_ID: Final = "(without an id)"


@dataclass(frozen=True)
class Report:
    """What the checks say; `findings` are ids, the worst first, each once."""

    reason: str
    message: str
    findings: tuple[str, ...]


def run(fail_level: str) -> int:
    """Run every check, report it, and return 1 when a finding reaches `fail_level`; raise StartupFailure."""
    config = preload.load_config()
    settings = preload.load_settings()
    preload.setup_django()
    load = applications.load_wsgi if config.server.name == "Gunicorn" else applications.load_asgi
    application = load(config)
    messages = [
        message
        for message in (*_run_registered(), *_run_own(settings, config, application))
        if not message.is_silenced()
    ]
    messages.sort(key=lambda message: (-message.level, message.id or _WITHOUT_ID))
    for message in messages:
        sys.stderr.write(failure.mask(f"{_name_level(message.level)}: {message}\n"))
    report = summarise([(m.level, m.id or _WITHOUT_ID) for m in messages], threshold=LEVELS[fail_level])
    failure.write_document(report.reason, report.message, findings=list(report.findings))
    return 1 if report.reason == CHECKS_FAILED else 0


def summarise(found: Sequence[tuple[int, str]], *, threshold: int) -> Report:
    """Return the report on `found`: pairs of Django's level and an id, the worst first."""
    failing = list(dict.fromkeys(name for level, name in found if level >= threshold))
    remaining = [name for name in dict.fromkeys(name for _, name in found) if name not in failing]
    parts = []
    if failing:
        parts.append(f"{_count(failing, 'finding')} to mend: {_enumerate(failing)}.")
    if remaining:
        parts.append(f"{_count(remaining, 'warning')}: {_enumerate(remaining)}.")
    return Report(
        reason=CHECKS_FAILED if failing else CHECKS_PASSED,
        message=" ".join(parts) or "No finding.",
        findings=tuple([*failing, *remaining][:MAX_IDS]),
    )


def _run_registered() -> list[Any]:
    from django.core import checks  # noqa: PLC0415 - may be absent from the image

    try:
        messages: list[Any] = checks.run_checks(include_deployment_checks=True)
    except Exception as error:
        raise StartupFailure(
            failure.COMMAND_FAILED,
            f"A system check raised {failure.describe(error)} ({failure.locate(error)}).",
            exit_code=failure.COMMAND_EXIT_CODE,
        ) from error
    return messages


def _run_own(settings: Any, config: Config, application: object) -> list[Any]:  # noqa: ANN401 - Django ships no types
    from django.core.checks import CheckMessage  # noqa: PLC0415 - may be absent from the image

    values = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    facts = check_facts.collect(values, config, application)
    return [
        CheckMessage(
            LEVELS[finding.rule.level],
            f"{finding.message} {finding.rule.meaning}",
            hint=finding.rule.remedy,
            id=finding.rule.id,
        )
        for finding in checks_registry.find_problems(values, config, facts)
    ]


def _name_level(level: int) -> str:
    return next((name for name, number in LEVELS.items() if level >= number), "DEBUG")


def _count(names: Sequence[str], noun: str) -> str:
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"


def _enumerate(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_IDS_IN_SENTENCE])
    more = len(names) - _IDS_IN_SENTENCE
    return f"{shown} and {more} more" if more > 0 else shown
