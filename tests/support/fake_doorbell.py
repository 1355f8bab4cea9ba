"""A way in that answers as a test says, in the words of the real probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.probe.websocket import Finding, Verdict

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from realtimeapp_operator.probe.websocket import Target

VERDICTS: Final[Mapping[str, Verdict]] = {
    "opened": Verdict(finding=Finding.OPENED),
    "name": Verdict(finding=Finding.NAME, detail="the name nowhere.invalid has no address"),
    "connection": Verdict(
        finding=Finding.CONNECTION, detail="127.0.0.1:1 takes no connection: connection refused"
    ),
    "certificate": Verdict(
        finding=Finding.TLS,
        detail="the certificate is not trusted: unable to get local issuer certificate",
    ),
    "host": Verdict(finding=Finding.HOST, detail="the answer is 400"),
    "origin": Verdict(finding=Finding.ORIGIN, detail="the answer is 403"),
    "path": Verdict(finding=Finding.PATH, detail="the answer is 404"),
    "page": Verdict(finding=Finding.NO_UPGRADE, detail="the answer is 200"),
    "login": Verdict(
        finding=Finding.NO_UPGRADE,
        detail="the answer is 302, a redirect to http://counter.example.com/login/",
    ),
    "https": Verdict(
        finding=Finding.ENCRYPTED, detail="the answer is 301, a redirect to https://counter.example.com/"
    ),
    "error": Verdict(finding=Finding.EDGE, detail="the answer is 502"),
    "full": Verdict(finding=Finding.FULL, detail="the answer is 503"),
}
"""What the real probe says, by what it meets; tests/unit/probe/test_fake_doorbell.py holds both to it."""


class FakeDoorbell:
    """Implements reconcile.ports.Doorbell."""

    def __init__(self) -> None:
        self.verdict = VERDICTS["opened"]
        self.rung: list[Target] = []
        self.held: asyncio.Event | None = None
        """Until it is set nobody answers."""

    async def open(self, target: Target) -> Verdict:
        """Answer as told."""
        self.rung.append(target)
        if self.held is not None:
            await self.held.wait()
        return self.verdict
