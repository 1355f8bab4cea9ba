"""The API server's verbs as methods: raw dicts in, raw dicts out.

Refuses typed models (they drop fields a newer server sends), caches, and retries. Writes of children are server-side
apply with one field manager, so that what the user or another controller owns in an object is left alone.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from realtimeapp_operator import names
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import NotFound, error_of
from realtimeapp_operator.kube.kinds import Kind, Ref
from realtimeapp_operator.kube.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from realtimeapp_operator.kube.credentials import Credentials

PAGE: int = 500
"""Objects per page of a list; keeps the peak memory of a start-up flat."""
WATCH_SECONDS = range(300, 600)
"""A watch ends itself after a time in this range, so that connections spread over API servers again."""

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a list: `items` with apiVersion and kind filled in, `resource_version` to watch from."""

    items: list[dict[str, Any]]
    resource_version: str


class ApiClient:
    """Requests to one API server as one identity; an async context manager.

    Every method raises a subclass of kube.errors.ApiError.
    """

    def __init__(
        self, *, credentials: Credentials, count: Callable[[str, str, int], None] | None = None
    ) -> None:
        self._transport = Transport(credentials=credentials, count=count)

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def apply(
        self, manifest: Mapping[str, Any], *, manager: str = names.FIELD_MANAGER, force: bool = True
    ) -> dict[str, Any]:
        """Server-side apply `manifest`; return the object as it now is.

        With `force` fields in conflict are taken over; without, a field that another manager has with another value is
        left as it is and Conflict raised.
        """
        return await self._send(
            "PATCH",
            Ref.of(manifest),
            verb="apply",
            query={"fieldManager": manager, "force": "true" if force else "false"},
            body=manifest,
            content_type=APPLY_PATCH,
        )

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create `manifest`; raise AlreadyExists when the name is taken."""
        ref = Ref.of(manifest)
        kind = kinds.kind_of(ref.api_version, ref.kind)
        answer: dict[str, Any] = await self._transport.request(
            "POST",
            kind.path(namespace=ref.namespace),
            verb="create",
            kind=kind.kind,
            query={"fieldManager": names.FIELD_MANAGER},
            body=manifest,
        )
        return answer

    async def create_event(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create a core/v1 Event; raise AlreadyExists when one of that name is kept."""
        return await self.create(manifest)

    async def get(self, ref: Ref) -> dict[str, Any] | None:
        """Return the object, None when there is none."""
        try:
            return await self._send("GET", ref, verb="get")
        except NotFound:
            return None

    async def get_metadata(self, ref: Ref) -> dict[str, Any] | None:
        """Return only the object's metadata (as PartialObjectMetadata), None when there is none."""
        try:
            return await self._send("GET", ref, verb="get", accept=METADATA_ONLY)
        except NotFound:
            return None

    async def delete(self, ref: Ref, *, uid: str | None, propagation: str = "Background") -> bool:
        """Delete the object if it still has this `uid`; False when it is gone, Conflict when it is another."""
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._send("DELETE", ref, verb="delete", body=options)
        except NotFound:
            return False
        return True

    async def patch(
        self, ref: Ref, changes: Mapping[str, Any], *, subresource: str | None = None
    ) -> dict[str, Any]:
        """Merge `changes` into the object or its `subresource`; a resourceVersion in them must still hold."""
        return await self._send(
            "PATCH",
            ref,
            verb="patch",
            subresource=subresource,
            query={"fieldManager": names.FIELD_MANAGER},
            body=changes,
            content_type=MERGE_PATCH,
        )

    async def patch_status(
        self, namespace: str, name: str, status: Mapping[str, Any], resource_version: str | None
    ) -> dict[str, Any]:
        """Merge `status` into a RealtimeApp's status; keys to remove are given as None.

        With `resource_version` the patch only applies to that version of the object (else Conflict).
        """
        changes: dict[str, Any] = {"status": status}
        if resource_version is not None:
            changes["metadata"] = {"resourceVersion": resource_version}
        ref = Ref(names.API_VERSION, names.KIND, namespace, name)
        return await self.patch(ref, changes, subresource="status")

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server knows `kind`; needs no permission beyond that of every authenticated client."""
        group = kind.path().removesuffix(f"/{kind.plural}")
        try:
            answer = await self._transport.request("GET", group, verb="discover", kind=kind.kind)
        except NotFound:
            return False
        return any(resource["name"] == kind.plural for resource in answer.get("resources") or ())

    async def list_pages(
        self, kind: Kind, namespace: str | None = None, selector: str = "", *, fields: str = ""
    ) -> AsyncIterator[Page]:
        """Yield all objects of `kind` page by page; Gone when the list became too old on the way.

        `selector` is a label selector, `fields` a field selector.
        """
        query = {"limit": str(PAGE)}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        while True:
            answer = await self._transport.request(
                "GET", kind.path(namespace=namespace), verb="list", kind=kind.kind, query=query
            )
            metadata = answer["metadata"]
            items = answer.get("items") or []
            for item in items:
                item["apiVersion"] = kind.api_version
                item["kind"] = kind.kind
            yield Page(items=items, resource_version=metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        selector: str = "",
        *,
        resource_version: str,
        fields: str = "",
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK, object) until the server ends the watch.

        Raises Gone when `resource_version` is too old, Unavailable when the connection breaks or falls silent.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(secrets.choice(WATCH_SECONDS)),
        }
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        async for event in self._transport.stream(
            kind.path(namespace=namespace), kind=kind.kind, query=query
        ):
            if event["type"] == "ERROR":
                raise error_of(int(event["object"].get("code") or 500), event["object"])
            yield event["type"], event["object"]

    async def _send(  # noqa: PLR0913 - the parts of one request
        self,
        method: str,
        ref: Ref,
        *,
        verb: str,
        subresource: str | None = None,
        query: dict[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        answer: dict[str, Any] = await self._transport.request(
            method,
            ref.path(subresource),
            verb=verb,
            kind=ref.kind,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
        )
        return answer
