"""What the harness gives the driver of an example, and what the driver reports.

A driver knows one application: how a client of its protocol does the application's own job, and how it can tell that
something was lost. It never disturbs the application and never decides what is good enough: the harness alone applies
the manifest, changes the image, kills a pod, judges the figures and prints the table.

The driver of `examples/NAME.yaml` is the `DRIVER` in `hack/examples/drivers/name.py` (dashes become underscores).
The harness calls it in this order, in a namespace of the example's own with Pod Security `restricted`:

    prepare -> [support, manifest applied, Ready, edge answers] -> work
            -> load [a new image is rolled out] finish -> load [a web pod is killed] finish

`load` is entered before the disruption and `finish` is called once it is over. Whatever a driver cannot do ends in
`ExampleError` with a sentence for a person; waiting is on a condition with a deadline (`hack.clients.waiting`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from hack.clients.kubectl import Kubectl

Object = dict[str, Any]

GOING_AWAY = frozenset({1012})
"""Close codes of a planned change. A driver whose server cannot send 1012 (daphne: 4012) says so in `planned_codes`."""


class ExampleError(Exception):
    """The application did not do what it is for; the message says what was expected and what came."""


class Support(Enum):
    """A program an example needs beside the application: `examples/support/VALUE.yaml`, in the example's namespace.

    The harness makes two Secrets before it applies them. `postgres` holds `password`, of the user and database `app`.
    `database` holds `url` and `direct-url`: the latter is PostgreSQL itself (Service `postgres`, port 5432), the former
    PgBouncer (Service `pgbouncer`, port 6432) where the example asks for it and else the same as `direct-url`.
    """

    POSTGRES = "postgres"
    PGBOUNCER = "pgbouncer"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One deployed example. `kubectl` is bound to its namespace; its calls block, so use `asyncio.to_thread`."""

    app: str
    """Name of the RealtimeApp."""
    host: str
    """Host name the ingress serves: the Host header, and the Origin `http://HOST`."""
    namespace: str
    image: str
    """The image now in the manifest, tag 1."""
    new_image: str
    """The same application with another VERSION, tag 2; the harness alone puts it in."""
    kubectl: Kubectl
    edge: tuple[str, int] = ("127.0.0.1", 80)
    """Where the ingress controller listens."""

    @property
    def url(self) -> str:
        """Base URL of HTTP requests; send the header `Host: HOST` with them."""
        return f"http://{self.edge[0]}:{self.edge[1]}"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What the clients saw from the beginning of a load to its end. Counts, never rates."""

    unit: str
    """What `sent`, `lost` and `doubled` count, in the plural: "messages", "tasks", "clicks"."""
    sent: int
    """Given to the application by clients, and accepted where the protocol says so."""
    lost: int
    """Of `sent`: not with everybody it was meant for by the end, though they reconnected."""
    doubled: int
    """Of `sent`: arrived, or ran, more than once."""
    closes: Mapping[int, int] = field(default_factory=dict)
    """WebSockets closed by the other side, by the code as the client saw it; 1006 is none at all."""
    requests: int = 0
    """HTTP requests the clients made."""
    http_errors: int = 0
    """Of `requests`: answered with anything but what was asked for, or not at all."""
    state_losses: int = 0
    """Clients that found state gone which the application promises to keep (a count, a session, a login)."""


class Load(Protocol):
    """Clients at work."""

    async def finish(self) -> Tally:
        """Stop sending, wait with a deadline until what is on its way has arrived, count.

        Raises ExampleError when nothing was sent: a load that was none proves nothing.
        """


class Driver(Protocol):
    """One example's own client."""

    @property
    def support(self) -> frozenset[Support]:
        """What the harness starts for it first."""

    @property
    def planned_codes(self) -> frozenset[int]:
        """Close codes that are right in a rollout: GOING_AWAY, or empty without WebSockets."""

    def prepare(self, *, target: Target) -> Sequence[Object]:
        """Objects to apply before the manifest, such as Secrets with made-up values; may be none."""

    async def work(self, *, target: Target) -> str:
        """Do the application's own job once, completely; say in at most 60 characters what was done.

        Example: "3 clicks, push, presence, SSE". Raises ExampleError at the first thing that does not happen.
        """

    def load(self, *, target: Target) -> AbstractAsyncContextManager[Load]:
        """Clients that work without a pause from entry (all connected, something sent) until `finish`.

        Leaving the context ends them whatever has happened, and leaves nothing running.
        """
