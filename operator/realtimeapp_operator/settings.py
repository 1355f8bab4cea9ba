"""Every flag and environment variable of the operator process, read once at start.

A flag wins over its variable. What cannot be used is refused here, in a sentence, before anything runs.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LogFormat = Literal["json", "text"]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("json", "text")
WORKERS_MAX: Final = 64
SAMPLE_SECONDS: Final = range(5, 301)
"""Accepted beside 0. Autoscaled applications and running rollouts are looked at more often by themselves."""
PORT_MAX: Final = 65535
IN_CLUSTER_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_IMAGE: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,511}")


class SettingsError(Exception):
    """A flag or variable cannot be used; the message names it and says what is accepted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How this process runs."""

    namespaces: tuple[str, ...]
    """Namespaces served; empty: all of the cluster."""
    runtime_image: str
    redis_image: str
    image_pull_policy: PullPolicy
    workers: int
    """Reconciles at the same time."""
    sample_seconds: int
    """Between two counts of an application's connections at rest; 0: they are never counted."""
    host: str
    """Empty: every address, of both families."""
    port: int
    lease_namespace: str
    identity: str
    """Name of this process among its replicas. A pod's name is unique and stays over restarts of its container, which
    may then go on without waiting for its own lease to expire."""
    log_level: str
    log_format: LogFormat
    leader_service: str = ""
    """Service without a selector, in the Lease's namespace, that is led to the replica that works; empty: none."""
    pod_ip: str = ""
    """This replica's address, for that Service."""
    external_metrics: tuple[str, int] | None = None
    """Address and port of the external metrics API; None: it is not served."""
    certificate_dir: Path = Path()
    """Folder of that API's tls.crt and tls.key."""

    @property
    def metrics_url(self) -> str | None:
        """Where KEDA finds the number of connections, without a `/` at the end; None without a leader's Service."""
        if not self.leader_service:
            return None
        return f"http://{self.leader_service}.{self.lease_namespace}.svc:{self.port}"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; its help names each flag's variable."""
    parser = argparse.ArgumentParser(
        prog="realtimeapp-operator",
        description="Runs realtime Django applications described by RealtimeApp objects.",
        epilog="The cluster is found through $KUBECONFIG, the pod's service account or ~/.kube/config, in this order.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(flag: str, variable: str, text: str, *, default: str = "") -> None:
        shown = f"; default: {default}" if default else ""
        parser.add_argument(f"--{flag}", metavar="VALUE", help=f"{text} [${variable}{shown}]")

    add(
        "namespaces",
        "REALTIMEAPP_NAMESPACES",
        "namespaces to serve, separated by commas; empty for the whole cluster",
    )
    add(
        "runtime-image",
        "REALTIMEAPP_RUNTIME_IMAGE",
        "image with the runtime that is put into the applications' pods: this operator's own",
    )
    add("redis-image", "REALTIMEAPP_REDIS_IMAGE", "image of managed Redis servers")
    add(
        "image-pull-policy",
        "REALTIMEAPP_IMAGE_PULL_POLICY",
        f"pull policy of these two images: {', '.join(PULL_POLICIES)}",
        default="IfNotPresent",
    )
    add("workers", "REALTIMEAPP_WORKERS", f"applications worked on at once, 1 to {WORKERS_MAX}", default="8")
    add(
        "sample-seconds",
        "REALTIMEAPP_SAMPLE_SECONDS",
        "seconds between two counts of an application's open connections at rest, "
        f"{SAMPLE_SECONDS[0]} to {SAMPLE_SECONDS[-1]}, or 0 for never",
        default="30",
    )
    add(
        "listen",
        "REALTIMEAPP_LISTEN",
        "address and port of health and metrics, every address without one",
        default=":8080",
    )
    add(
        "lease-namespace",
        "POD_NAMESPACE",
        "namespace of the Lease that makes one replica the writer; default: own",
    )
    add("identity", "POD_NAME", "name of this replica, unique among them; default: made up")
    add(
        "log-level",
        "REALTIMEAPP_LOG_LEVEL",
        f"least important logs to write: {', '.join(LOG_LEVELS)}",
        default="INFO",
    )
    add("log-format", "REALTIMEAPP_LOG_FORMAT", "json for machines, text for a person", default="json")
    add(
        "leader-service",
        "REALTIMEAPP_LEADER_SERVICE",
        "Service without a selector that is to lead to the replica that works; empty for none",
    )
    add("pod-ip", "POD_IP", "address of this replica, for that Service")
    add(
        "external-metrics",
        "REALTIMEAPP_EXTERNAL_METRICS",
        "address and port of the external metrics API, over TLS, every address without one; empty for none",
    )
    add(
        "certificate-dir",
        "REALTIMEAPP_CERTIFICATE_DIR",
        "folder of the tls.crt and tls.key the external metrics API is served with",
    )
    return parser


def read_settings(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Read the command line (default: the process's) and `environ`; raise SettingsError for what cannot be used."""
    flags = vars(build_parser().parse_args(arguments))

    def value(flag: str, variable: str, default: str = "") -> tuple[str, str]:
        given = flags[flag.replace("-", "_")]
        name = f"--{flag} (or {variable})"
        return name, (given if given is not None else environ.get(variable, "") or default).strip()

    host, port = _read_listen(*value("listen", "REALTIMEAPP_LISTEN", ":8080"))
    pull_policy = _read_choice(
        *value("image-pull-policy", "REALTIMEAPP_IMAGE_PULL_POLICY", "IfNotPresent"), PULL_POLICIES
    )
    log_format = _read_choice(*value("log-format", "REALTIMEAPP_LOG_FORMAT", "json"), LOG_FORMATS, str.lower)
    leader_service, pod_ip = _read_leader_service(
        value("leader-service", "REALTIMEAPP_LEADER_SERVICE"), value("pod-ip", "POD_IP")
    )
    external_metrics, certificate_dir = _read_external_metrics(
        value("external-metrics", "REALTIMEAPP_EXTERNAL_METRICS"),
        value("certificate-dir", "REALTIMEAPP_CERTIFICATE_DIR"),
    )
    return Settings(
        namespaces=_read_namespaces(*value("namespaces", "REALTIMEAPP_NAMESPACES")),
        runtime_image=_read_image(*value("runtime-image", "REALTIMEAPP_RUNTIME_IMAGE")),
        redis_image=_read_image(*value("redis-image", "REALTIMEAPP_REDIS_IMAGE")),
        image_pull_policy=cast("PullPolicy", pull_policy),
        workers=_read_workers(*value("workers", "REALTIMEAPP_WORKERS", "8")),
        sample_seconds=_read_sample_seconds(*value("sample-seconds", "REALTIMEAPP_SAMPLE_SECONDS", "30")),
        host=host,
        port=port,
        lease_namespace=_read_lease_namespace(*value("lease-namespace", "POD_NAMESPACE")),
        identity=value("identity", "POD_NAME")[1] or f"{socket.gethostname()}-{secrets.token_hex(4)}",
        log_level=_read_choice(*value("log-level", "REALTIMEAPP_LOG_LEVEL", "INFO"), LOG_LEVELS, str.upper),
        log_format=cast("LogFormat", log_format),
        leader_service=leader_service,
        pod_ip=pod_ip,
        external_metrics=external_metrics,
        certificate_dir=certificate_dir,
    )


def _read_namespaces(name: str, text: str) -> tuple[str, ...]:
    found = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    for namespace in found:
        if not _LABEL.fullmatch(namespace):
            raise SettingsError(
                f"{name}: {namespace!r} is not a namespace: 1 to 63 lower-case letters, digits and -,"
                " names separated by commas, or empty for the whole cluster"
            )
    return tuple(found)


def _read_image(name: str, text: str) -> str:
    if not text:
        raise SettingsError(f"{name} is required: an image reference such as registry.example/team/image:1.2")
    if not _IMAGE.fullmatch(text):
        raise SettingsError(
            f"{name}: {text!r} is not an image reference such as registry.example/team/image:1.2"
        )
    return text


def _read_choice(name: str, text: str, accepted: tuple[str, ...], fold: Callable[[str], str] = str) -> str:
    if fold(text) not in accepted:
        raise SettingsError(f"{name}: {text!r} is not one of {', '.join(accepted)}")
    return fold(text)


def _read_workers(name: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise SettingsError(f"{name}: {text!r} is not a whole number from 1 to {WORKERS_MAX}")
    return int(text)


def _read_sample_seconds(name: str, text: str) -> int:
    if not text.isdecimal() or (int(text) and int(text) not in SAMPLE_SECONDS):
        raise SettingsError(
            f"{name}: {text!r} is neither 0 nor a whole number from {SAMPLE_SECONDS[0]} to {SAMPLE_SECONDS[-1]}"
        )
    return int(text)


def _read_listen(name: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    unclear = (
        ":" in host and host != f"[{bare}]"
    )  # Where would an address of version 6 end and the port begin?
    if not colon or unclear or not port.isdecimal() or int(port) > PORT_MAX:
        raise SettingsError(
            f"{name}: {text!r} is not an address and port such as 10.0.0.7:8080 or [fd00::7]:8080, nor :8080 for"
            " every address"
        )
    return bare, int(port)


def _read_lease_namespace(name: str, text: str) -> str:
    if not text and IN_CLUSTER_NAMESPACE.exists():
        text = IN_CLUSTER_NAMESPACE.read_text().strip()
    if not _LABEL.fullmatch(text):
        raise SettingsError(f"{name}: {text!r} is not a namespace: 1 to 63 lower-case letters, digits and -")
    return text


def _read_leader_service(service: tuple[str, str], address: tuple[str, str]) -> tuple[str, str]:
    (name, text), (address_name, ip) = service, address
    if not text:
        return "", ""
    if not _LABEL.fullmatch(text):
        raise SettingsError(
            f"{name}: {text!r} is not a Service: 1 to 63 lower-case letters, digits and -, or empty for none"
        )
    try:
        return text, str(ipaddress.ip_address(ip))
    except ValueError:
        raise SettingsError(
            f"{address_name}: {ip!r} is not an IP address; {name} needs that of this replica"
        ) from None


def _read_external_metrics(
    listen: tuple[str, str], folder: tuple[str, str]
) -> tuple[tuple[str, int] | None, Path]:
    (_, text), (folder_name, path) = listen, folder
    if not text:
        return None, Path()
    if not path or not Path(path).is_dir():
        raise SettingsError(
            f"{folder_name}: {path!r} is not a folder; external metrics are served over TLS only, with the tls.crt and"
            " tls.key in there"
        )
    # What is in the folder may come later and change: that ends no operator.
    return _read_listen(*listen), Path(path)
