"""Tells news from the echo of the operator's own writes.

A watch often reports a write before its answer arrives. The application is being worked on at that moment and looks at
its children once more after the answers, so an echo would only cost it a run that finds nothing: measured on loopback
with 60 new applications, 0.67 to 0.88 such runs for each. What is not certainly an echo is news: nothing is ever swallowed, at worst it is told later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.reconcile.ports import Key
    from realtimeapp_operator.reconcile.records import Address


class Echoes:
    """Holds back events of objects that are being written, until the answer says which version was ours.

    `announce` is called with the application when what was held back turns out to be news.
    """

    def __init__(self, *, announce: Callable[[Key], None]) -> None:
        self._announce = announce
        self._latest: dict[tuple[Key, Address], str | None] = {}

    def expect(self, app: Key, address: Address) -> None:
        """Note that `app` begins to write the object at `address`; one write per object at a time."""
        self._latest[app, address] = None

    def hold_back(self, app: Key, address: Address, version: str) -> bool:
        """Whether an event that brought `version` may wait, as the object is being written."""
        if (app, address) not in self._latest:
            return False
        self._latest[app, address] = version
        return True

    def settle(self, app: Key, address: Address, version: str | None) -> None:
        """Note how the write ended: `version` is that of its answer, None when there is none."""
        seen = self._latest.pop((app, address), None)
        if seen is not None and seen != version:
            self._announce(app)
