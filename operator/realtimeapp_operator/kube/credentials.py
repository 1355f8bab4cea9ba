"""Who we are and where the API server is.

Read through the kubernetes package: kubeconfig with its exec plugins, client certificates and tokens, or the pod's
service account whose token is replaced on disk from time to time. Only configuration comes from that package; requests do not go through it. Credentials never appear in a log, and
`repr()` shows the server alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 30.0
"""How long a token is used before it is asked for again. The kubelet replaces a token when a fifth of its life is
left (12 minutes of an hour), exec plugins are only run when theirs is about to expire."""
CONNECT_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 30.0


class CredentialsError(Exception):
    """There is no usable cluster configuration; the message says where it was looked for."""


def load_configuration() -> Configuration:
    """Read $KUBECONFIG, else the pod's service account, else ~/.kube/config; raise CredentialsError."""
    configuration = Configuration()
    named = os.environ.get("KUBECONFIG")
    default = Path("~/.kube/config").expanduser()
    try:
        if named:
            load_kube_config(config_file=named, client_configuration=configuration, persist_config=False)
        elif os.environ.get("KUBERNETES_SERVICE_HOST"):
            load_incluster_config(client_configuration=configuration)
        elif default.exists():
            load_kube_config(
                config_file=str(default), client_configuration=configuration, persist_config=False
            )
        else:
            raise CredentialsError(
                "no cluster to talk to: set KUBECONFIG, run inside a pod with a service account, or write ~/.kube/config"
            )
    except yaml.YAMLError as error:
        # Its message may quote the file.
        raise CredentialsError(
            f"cannot read the cluster configuration: {named or default} is not YAML"
        ) from error
    except (ConfigException, OSError, ValueError, TypeError) as error:
        raise CredentialsError(f"cannot read the cluster configuration: {error}") from error
    return configuration


class Credentials:
    """The API server's address and what proves our identity; kept fresh for as long as the process runs."""

    def __init__(self, *, read: Callable[[], Configuration] = load_configuration) -> None:
        self._read = read
        self._configuration = read()
        self._ssl = _ssl_context(self._configuration)
        self._header = self._configuration.get_api_key_with_prefix("BearerToken")
        self._fresh_until = time.monotonic() + REFRESH_SECONDS
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Credentials({self.server!r})"

    @property
    def server(self) -> str:
        """Base URL without a trailing slash."""
        return str(self._configuration.host).rstrip("/")

    async def authorization(self) -> str | None:
        """Return the Authorization header's value, None when a client certificate says who we are."""
        if time.monotonic() >= self._fresh_until:
            async with self._lock:
                if time.monotonic() >= self._fresh_until:
                    # A thread: an exec plugin is a subprocess that may take seconds.
                    self._header = await asyncio.to_thread(
                        self._configuration.get_api_key_with_prefix, "BearerToken"
                    )
                    self._fresh_until = time.monotonic() + REFRESH_SECONDS
        return self._header

    async def renew(self, *, rejected: str | None) -> None:
        """Read everything again after a 401 to a request that carried the `rejected` header value."""
        async with self._lock:
            if self._header != rejected:
                return  # Somebody else did it while we waited.
            self._configuration = await asyncio.to_thread(self._read)
            self._header = self._configuration.get_api_key_with_prefix("BearerToken")
            self._fresh_until = time.monotonic() + REFRESH_SECONDS
            if self._configuration.cert_file:
                # New handshakes of a living context take the new certificate.
                self._ssl.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)

    def open_session(self, *, user_agent: str) -> aiohttp.ClientSession:
        """Open a session that authenticates each request by itself; the caller closes it."""

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            request.server_hostname = self._configuration.tls_server_name or request.server_hostname
            header = await self.authorization()
            if header is not None:
                request.headers["Authorization"] = header
            response = await handler(request)
            if response.status != 401:  # noqa: PLR2004 - Unauthorized
                return response
            await self.renew(rejected=header)
            header = await self.authorization()
            if header is not None:
                request.headers["Authorization"] = header
            response.release()
            return await handler(request)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl),
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            middlewares=(authorize,),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS, connect=CONNECT_SECONDS),
            proxy=self._configuration.proxy or None,
            read_bufsize=2**18,
            auto_decompress=False,
        )


def _ssl_context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
