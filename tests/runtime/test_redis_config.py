"""The rendered Redis configuration in a real redis-server: who may do what, what is kept, how it is asked."""

from __future__ import annotations

import base64
import os
import resource
import secrets
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import redis
from channels_redis.core import RedisChannelLayer  # type: ignore[import-untyped]  # it has no types
from channels_redis.pubsub import RedisPubSubChannelLayer  # type: ignore[import-untyped]  # it has no types

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from realtimeapp_operator.api.app import RealtimeApp
from realtimeapp_operator.render import Facts, fill, render
from realtimeapp_operator.render.redis_config import ACL_DIR, CONFIG_FILE, DATA_DIR, PROBE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = {
    "metadata": {"name": "shop"},
    "spec": {
        "image": "shop:1",
        "framework": "Djust",
        "django": {"settingsModule": "shop.settings"},
        "redis": {"standalone": {"maxMemory": "8Mi"}},
    },
}


class Server:
    """A redis-server started as the rendered pod starts it; only the paths and the port are the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_port()
        objects = {
            (each["kind"], each["metadata"]["name"]): each
            for each in render(
                RealtimeApp.model_validate(APP), Facts(runtime_image="runtime:1", redis_image="redis:1")
            )
        }
        self.pod = objects["StatefulSet", "shop-redis"]["spec"]["template"]["spec"]["containers"][0]
        secret = fill(objects["Secret", "shop-redis"], lambda: secrets.token_urlsafe(32))
        self.secret = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        for name, content in self.secret.items():
            (folder / name).write_text(content)
        (folder / "data").mkdir()
        (folder / CONFIG_FILE).write_text(self.local(objects["ConfigMap", "shop-redis"]["data"][CONFIG_FILE]))
        self.process = self.start()

    def local(self, text: str) -> str:
        folder, data = str(self.folder), str(self.folder / "data")
        for inside, outside in (
            (ACL_DIR, folder),
            (PROBE_DIR, folder),
            (f"dir {DATA_DIR}", f"dir {data}"),
            ("6379", str(self.port)),
        ):
            text = text.replace(inside, outside)
        return text

    def start(self) -> subprocess.Popen[bytes]:
        command = [self.pod["command"][0], str(self.folder / CONFIG_FILE), *self.pod["args"]]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--bind", "127.0.0.1"],
                stdout=log,
                stderr=log,
                # Keeps SIGXFSZ ignored, as Python has it: a limit on file sizes then is an error like a full disk.
                restore_signals=False,
            )
        eventually(lambda: self.probe("startupProbe") == 0, within=10, what="the startup probe succeeds")
        return process

    def probe(self, name: str) -> int:
        """Exit status of a probe, run as the kubelet runs it; a timeout is a failure."""
        *shell, script = self.pod[name]["exec"]["command"]
        try:
            return subprocess.run(
                [*shell, self.local(script)],
                check=False,
                capture_output=True,
                timeout=self.pod[name]["timeoutSeconds"],
                env={"PATH": os.environ["PATH"]},
            ).returncode
        except subprocess.TimeoutExpired:
            return -1

    def client(self, **options: str | None) -> redis.Redis:
        credentials = {"username": "default", "password": self.secret["password"], **options}
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            decode_responses=True,
            username=credentials["username"],
            password=credentials["password"],
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.kill()


def refused(client: redis.Redis, *command: str) -> bool:
    try:
        client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except redis.exceptions.ResponseError as error:
        # DEBUG is switched off as a whole, before permissions are looked at.
        return isinstance(error, redis.exceptions.NoPermissionError) or "command not allowed" in str(error)
    return False


def fill_up(client: redis.Redis) -> None:
    for number in range(64):
        client.set(f"filler:{number}", "x" * 2**19)


def test_nobody_gets_in_without_a_password(server: Server) -> None:
    with server.client(username=None, password=None) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with server.client(password="wrong") as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@pytest.mark.parametrize(
    "command",
    [
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory-policy allkeys-lru",
        "DEBUG SLEEP 0",
        "SHUTDOWN NOSAVE",
        "ACL LIST",
        "ACL SETUSER other on nopass",
        "MODULE LIST",
        "REPLICAOF NO ONE",
        "FLUSHALL",
        "SAVE",
        "BGREWRITEAOF",
        "MONITOR",
        "CLIENT KILL ID 1",
        "SWAPDB 0 1",
        "MIGRATE 127.0.0.1 1 key 0 1",
    ],
)
def test_the_application_does_not_administer_its_redis(server: Server, command: str) -> None:
    with server.client() as client:
        assert refused(client, *command.split())


def test_the_application_can_do_what_its_libraries_do(server: Server) -> None:
    with server.client() as client:
        client.client_setname("web")
        assert client.client_id() > 0
        # djust: state with a lifetime, statistics.
        client.set("djust:state:1", "x", ex=60)
        assert list(client.scan_iter(match="djust:*")) == ["djust:state:1"]
        assert client.memory_usage("djust:state:1") > 0
        assert client.info("memory")["maxmemory"] == 8 * 2**20
        # Celery: queues, unacknowledged tasks, results.
        client.lpush("celery", "task")
        assert list(client.brpop(["celery"], timeout=1)) == ["celery", "task"]
        client.zadd("unacked_index", {"task": 1})
        with client.pipeline() as transaction:
            transaction.watch("unacked")
            transaction.multi()
            transaction.hset("unacked", "task", "body")
            transaction.hdel("unacked", "task")
            assert transaction.execute() == [1, 1]
        with client.pubsub() as subscriber:
            subscriber.psubscribe("celery-task-meta-*")
            eventually(subscriber.get_message, within=5, what="the subscription is confirmed")
            client.publish("celery-task-meta-1", "done")
            message = eventually(subscriber.get_message, within=5, what="a result is published")
            assert message["data"] == "done"
        # A lock, and the application's own scripts.
        with client.lock("lock", timeout=5):
            assert client.get("lock")
        assert client.eval("return redis.call('keys', ARGV[1])", 0, "djust:*") == ["djust:state:1"]
        # Django: cache.clear().
        assert client.flushdb()
        assert client.dbsize() == 0


async def test_both_channel_layers_deliver(server: Server) -> None:
    url = f"redis://default:{server.secret['password']}@127.0.0.1:{server.port}/2"
    for layer in (RedisChannelLayer(hosts=[url]), RedisPubSubChannelLayer(hosts=[url])):
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        await layer.group_send("room", {"type": "chat.message", "text": "hello"})
        assert (await layer.receive(channel))["text"] == "hello"
        await layer.flush()


@pytest.mark.parametrize(
    "command", ["GET key", "INFO", "KEYS *", "SUBSCRIBE room", "SHUTDOWN", "CONFIG GET *"]
)
def test_the_probe_user_may_ping_and_nothing_else(server: Server, command: str) -> None:
    with server.client(username="probe", password=server.secret["probe-password"]) as client:
        assert client.ping()
        assert refused(client, *command.split())


def test_a_full_server_refuses_writes_and_forgets_nothing(server: Server) -> None:
    with server.client() as client:
        client.set("group", "members", ex=3600)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill_up(client)
        assert client.get("group") == "members"
        assert client.info("stats")["evicted_keys"] == 0
        assert client.info("memory")["maxmemory_policy"] == "noeviction"
        # A full server is no reason for a restart, which would free nothing.
        assert server.probe("livenessProbe") == 0
        assert server.probe("readinessProbe") == 0


def test_a_full_disk_ends_readiness_and_restarts_nothing(server: Server) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    with server.client() as client:
        # The first write that does not fit is only noticed when it is flushed.
        client.set("large", "x" * 4096)
    eventually(lambda: server.probe("readinessProbe") != 0, within=10, what="the server refuses")
    assert server.probe("livenessProbe") == 0
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    eventually(lambda: server.probe("readinessProbe") == 0, within=10, what="the server accepts writes again")


def test_data_survives_a_crash(server: Server) -> None:
    with server.client() as client:
        client.set("count", "3")
    server.kill()
    assert server.probe("readinessProbe") != 0
    server.process = server.start()
    with server.client() as client:
        assert client.get("count") == "3"


def test_a_hung_server_is_found_by_the_liveness_probe(server: Server) -> None:
    assert server.probe("livenessProbe") == 0
    server.process.send_signal(signal.SIGSTOP)
    assert server.probe("livenessProbe") == -1
    server.process.send_signal(signal.SIGCONT)
    eventually(lambda: server.probe("livenessProbe") == 0, within=5, what="the server answers again")
    probe = server.pod["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= 15


def test_the_probes_password_is_in_no_argument_list(server: Server) -> None:
    server.process.send_signal(signal.SIGSTOP)
    *shell, script = server.pod["livenessProbe"]["exec"]["command"]
    asking = subprocess.Popen(
        [*shell, server.local(script)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def arguments() -> str:
        listed = subprocess.run(
            ["ps", "-o", "args=", "-s", str(asking.pid)], capture_output=True, text=True, check=False
        ).stdout
        return listed if "redis-cli -h" in listed.replace(script, "") else ""

    try:
        seen = eventually(arguments, within=5, what="redis-cli runs")
    finally:
        server.process.send_signal(signal.SIGCONT)
        asking.wait(10)
    assert "--user probe ping" in seen
    assert server.secret["probe-password"] not in seen
