"""How a connection to the metrics API begins: with the certificate of that moment, and for those trusted at that moment.

OpenSSL takes no authority out of a context again, and a certificate without its key spoils one. So no context is ever
changed: each change makes a new one, and each handshake is handed to the newest. Nothing here looks at a request.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any, Final, Never
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from realtimeapp_operator.metricsapi.front_proxy import Trust

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
_BEGIN_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_END_KEY_LABEL: Final = b"PRIVATE KEY-----"


class CertificateError(Exception):
    """The serving certificate cannot be used; the message says which file and why."""


class AuthorityError(Exception):
    """What the cluster names as the front proxy's authority cannot be read; the message says why."""


class Handshakes:
    """Hands each connection that begins at `entry` to the newest certificate and trust; refuses it without one."""

    def __init__(self) -> None:
        self.entry = _make_context()
        self.entry.sni_callback = self._hand_over
        self._pem = b""
        self._trust: Trust | None = None
        self._newest: ssl.SSLContext | None = None
        self._trusts: WeakKeyDictionary[ssl.SSLContext, Trust | None] = WeakKeyDictionary()

    @property
    def serving(self) -> bool:
        """Whether there is a certificate to serve with."""
        return bool(self._pem)

    @property
    def trust(self) -> Trust | None:
        """Whose client certificates are taken."""
        return self._trust

    def serve_with(self, pem: bytes) -> None:
        """Begin connections with what `read_certificate` gave; raise CertificateError and change nothing."""
        self._newest = self._make(pem, self._trust)
        self._pem = pem

    def take_clients_of(self, trust: Trust | None) -> None:
        """Take the client certificates of `trust` and of nobody else; raise AuthorityError and change nothing."""
        if trust is not None:
            _add_authority(_make_context(), trust.authority)
        if self._pem:
            self._newest = self._make(self._pem, trust)
        self._trust = trust

    def admits(self, connection: ssl.SSLObject, certificate: Mapping[str, Any] | None) -> bool:
        """Whether the peer speaks for others: its verified certificate is admitted by the trust of now, not of before."""
        trust = self._trusts.get(connection.context)
        return trust is not None and trust == self._trust and trust.admits(certificate)

    def _make(self, pem: bytes, trust: Trust | None) -> ssl.SSLContext:
        context = _make_context()
        _load_certificate(context, pem)
        if trust is not None:
            _add_authority(context, trust.authority)
        self._trusts[context] = trust
        return context

    def _hand_over(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        """Called by OpenSSL in the middle of each handshake, with and without a name; a number is a TLS alert."""
        if self._newest is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = self._newest
        return None


def read_certificate(folder: Path) -> bytes:
    """Return the key and the certificate of a folder, in one piece of PEM; raise CertificateError."""
    key, certificate = _read(folder / KEY), _read(folder / CERTIFICATE)
    if _BEGIN_CERTIFICATE not in certificate:
        raise CertificateError(f"there is no certificate in PEM in {folder / CERTIFICATE}")
    if _END_KEY_LABEL not in key:
        raise CertificateError(f"there is no private key in PEM in {folder / KEY}")
    pem = key.rstrip() + b"\n" + certificate
    try:
        _load_certificate(_make_context(), pem)
    except CertificateError as error:
        raise CertificateError(f"{folder / CERTIFICATE} and {KEY} cannot be used: {error}") from error
    return pem


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {error.strerror}") from error


def _load_certificate(context: ssl.SSLContext, pem: bytes) -> None:
    # The module reads certificates from files only. One in memory keeps what is in use readable when the folder's is
    # not any more, and the key from every disk.
    descriptor = os.memfd_create("serving-certificate")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_refuse_encrypted_key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError("the key is not the certificate's") from error
        raise CertificateError(f"OpenSSL cannot read them ({error.reason or 'no PEM inside'})") from error
    finally:
        os.close(descriptor)


def _refuse_encrypted_key() -> Never:
    # Without this OpenSSL would ask for the password on the terminal.
    raise CertificateError("the key is encrypted, and must not be")


def _add_authority(context: ssl.SSLContext, authority: str) -> None:
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, TypeError) as error:  # TypeError: of text outside ASCII.
        raise AuthorityError(str(error)) from error


def _make_context() -> ssl.SSLContext:
    # The default authorities of the machine may speak for nobody here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    # A resumed session would not show its certificate to an authority that is no longer trusted.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context
