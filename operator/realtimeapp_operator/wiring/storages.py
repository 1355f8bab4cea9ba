"""kopf's two storages, emptied: nothing is kept in annotations and nothing is copied per event.

Legal only while no change-detecting handler (create, update, field), daemon or timer is registered: kopf would see no
difference ever. A test holds the registry to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import kopf

if TYPE_CHECKING:
    from collections.abc import Iterable


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no former state of an object, so that there is nothing to compare, copy or write."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Return an empty essence instead of a deep copy of the body."""
        del body, extra_fields
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return an empty former essence: equal to the built one, so no change is ever detected."""
        del body
        return cast("kopf.BodyEssence", {})

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no progress of handlers: ours run once per event and are never retried by kopf."""

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:  # noqa: ANN401 - kopf does not export the types
        """Return that nothing is in progress."""
        del key, body

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:  # noqa: ANN401 - as above
        """Write nothing."""

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:  # noqa: ANN401 - as above
        """Write nothing."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Write nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Return the essence as it is instead of a deep copy."""
        return essence
