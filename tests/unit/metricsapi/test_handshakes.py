"""What is said of certificate files that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from realtimeapp_operator.metricsapi.front_proxy import Trust
from realtimeapp_operator.metricsapi.handshakes import (
    AuthorityError,
    CertificateError,
    Handshakes,
    read_certificate,
)
from tests.support.authority import make_authority

if TYPE_CHECKING:
    from pathlib import Path

PEM_OF_NOTHING = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"


def encrypted_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ).decode()


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("tls.crt", None, r"cannot read .*/tls\.crt: No such file or directory"),
        ("tls.key", None, r"cannot read .*/tls\.key: No such file or directory"),
        ("tls.crt", "", r"no certificate in PEM in .*/tls\.crt"),
        ("tls.key", "", r"no private key in PEM in .*/tls\.key"),
        ("tls.crt", PEM_OF_NOTHING.format("CERTIFICATE"), "OpenSSL cannot read them"),
        ("tls.key", PEM_OF_NOTHING.format("PRIVATE KEY"), "OpenSSL cannot read them"),
        ("tls.key", encrypted_key(), "the key is encrypted, and must not be"),
    ],
)
def test_files_that_cannot_be_used_are_told_by_what_is_wrong(
    tmp_path: Path, file: str, text: str | None, sentence: str
) -> None:
    folder = make_authority(tmp_path, "serving").issue("operator")
    assert b"BEGIN" in read_certificate(folder), "good until now"
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    with pytest.raises(CertificateError, match=sentence) as caught:
        read_certificate(folder)
    assert "BEGIN" not in str(caught.value), "no key in a message"


@pytest.mark.parametrize(
    "authority", ["not a certificate", "n\u00e4her", PEM_OF_NOTHING.format("CERTIFICATE")]
)
def test_an_authority_that_cannot_be_read_changes_nothing(authority: str) -> None:
    handshakes = Handshakes()
    with pytest.raises(AuthorityError):
        handshakes.take_clients_of(Trust(authority, frozenset()))
    assert handshakes.trust is None
