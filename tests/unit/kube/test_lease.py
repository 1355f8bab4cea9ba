from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.kube.errors import AlreadyExists, Conflict, Unavailable
from realtimeapp_operator.kube.lease import Lease, LeaseLost, Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.kube.kinds import Ref

QUICK = Timing(duration=1, renew_every=0.1, renew_within=0.6, retry_every=0.05)


class OneLease:
    """What the API server keeps: one Lease with optimistic locking; `down` makes every request fail."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.down = False
        self.holders: list[str] = []

    def _check(self) -> None:
        if self.down:
            raise Unavailable(status=0, message="away")

    def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        lease["metadata"]["resourceVersion"] = str(self.version)
        self.lease = lease
        self.holders.append(lease["spec"]["holderIdentity"])
        return copy.deepcopy(lease)

    async def get(self, _ref: Ref) -> dict[str, Any] | None:
        self._check()
        return copy.deepcopy(self.lease)

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        self._check()
        if self.lease is not None:
            raise AlreadyExists(status=409)
        return self._store(copy.deepcopy(dict(manifest)))

    async def patch(self, _ref: Ref, changes: Mapping[str, Any]) -> dict[str, Any]:
        self._check()
        assert self.lease is not None
        if changes["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict(status=409)
        lease = copy.deepcopy(self.lease)
        lease["spec"].update(changes["spec"])
        return self._store(lease)


def contender(server: OneLease, identity: str) -> Lease:
    return Lease(server, "ns", "l", identity, timing=QUICK)  # type: ignore[arg-type]  # three verbs are enough


async def test_of_two_contenders_one_holds_and_the_other_follows_a_clean_release_at_once() -> None:
    server = OneLease()
    first, second = contender(server, "first"), contender(server, "second")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    following = asyncio.create_task(second.acquire())
    done, _ = await asyncio.wait([following], timeout=2.5)  # more than two durations
    assert not done
    assert (first.held, second.held) == (True, False)
    holding.cancel()
    await first.release()
    assert (first.held, second.held) == (False, False)
    await asyncio.wait_for(following, timeout=0.5)
    assert second.held
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1
    assert set(server.holders) == {"first", "", "second"}


async def test_a_dead_holder_is_followed_only_after_its_whole_duration() -> None:
    server = OneLease()
    first, second = contender(server, "first"), contender(server, "second")
    await first.acquire()
    start = asyncio.get_running_loop().time()
    await asyncio.wait_for(second.acquire(), timeout=5)
    assert asyncio.get_running_loop().time() - start >= QUICK.duration
    assert not first.held


async def test_a_holder_that_cannot_renew_gives_up_before_anybody_may_follow() -> None:
    server = OneLease()
    first, second = contender(server, "first"), contender(server, "second")
    await first.acquire()
    start = asyncio.get_running_loop().time()
    server.down = True
    with pytest.raises(LeaseLost, match="could not be renewed"):
        await asyncio.wait_for(first.hold(), timeout=5)
    assert asyncio.get_running_loop().time() - start < QUICK.duration
    assert not first.held
    server.down = False
    await asyncio.wait_for(second.acquire(), timeout=5)


async def test_a_short_outage_is_survived() -> None:
    server = OneLease()
    lease = contender(server, "first")
    await lease.acquire()
    holding = asyncio.create_task(lease.hold())
    server.down = True
    await asyncio.sleep(0.3)
    server.down = False
    done, _ = await asyncio.wait([holding], timeout=1)
    assert not done
    assert lease.held
    holding.cancel()


async def test_a_lease_taken_by_another_is_noticed_at_the_next_renewal() -> None:
    server = OneLease()
    lease = contender(server, "first")
    await lease.acquire()
    assert server.lease is not None
    await server.patch(
        None,  # type: ignore[arg-type]  # there is one lease
        {
            "metadata": {"resourceVersion": server.lease["metadata"]["resourceVersion"]},
            "spec": {"holderIdentity": "thief"},
        },
    )
    with pytest.raises(LeaseLost, match="now held by thief"):
        await asyncio.wait_for(lease.hold(), timeout=5)


async def test_an_edit_by_a_person_does_not_cost_the_lease() -> None:
    server = OneLease()
    lease = contender(server, "first")
    await lease.acquire()
    assert server.lease is not None
    server._store({**server.lease, "metadata": {**server.lease["metadata"], "labels": {"a": "b"}}})  # noqa: SLF001
    holding = asyncio.create_task(lease.hold())
    done, _ = await asyncio.wait([holding], timeout=1.2)
    assert not done
    assert lease.held
    holding.cancel()


async def test_a_restarted_process_of_the_same_name_does_not_wait() -> None:
    server = OneLease()
    await contender(server, "pod-0").acquire()
    await asyncio.wait_for(contender(server, "pod-0").acquire(), timeout=0.5)
