"""The certificates of the cluster: one authority for it, one for its API aggregation, short-lived by intent.

Keys never leave the state folder, which only its owner may enter.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hack.cluster.layout import API_SERVICE_ADDRESS, CLUSTER_DOMAIN, NODE, NODE_ADDRESS, NODE_NAME, Profile

LIFETIME = timedelta(days=365)
MASTERS = "system:masters"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A certificate to make. `names` and `addresses` go into the subject alternative name."""

    file: str
    common_name: str
    organization: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    authority: str = "ca"


def leaves(profile: Profile) -> tuple[Leaf, ...]:
    """Return the certificates of the profile."""
    service = "kubernetes.default.svc"
    common = (
        Leaf(
            file="apiserver",
            common_name="kube-apiserver",
            names=("kubernetes", "kubernetes.default", service, f"{service}.{CLUSTER_DOMAIN}", "localhost"),
            addresses=tuple(dict.fromkeys((API_SERVICE_ADDRESS, profile.address, "127.0.0.1"))),
        ),
        Leaf(file="front-proxy", common_name="front-proxy-client", authority="front-proxy-ca"),
        Leaf(file="admin", common_name="admin", organization=MASTERS),
        Leaf(file="kube-controller-manager", common_name="system:kube-controller-manager"),
    )
    if profile is not NODE:
        return common
    return (
        *common,
        Leaf(
            file="kubelet",
            common_name=f"system:node:{NODE_NAME}",
            organization="system:nodes",
            names=(NODE_NAME,),
            addresses=(NODE_ADDRESS,),
        ),
        Leaf(file="kubelet-client", common_name="kube-apiserver-kubelet-client", organization=MASTERS),
        Leaf(file="kube-scheduler", common_name="system:kube-scheduler"),
        Leaf(file="kube-proxy", common_name="system:kube-proxy"),
        Leaf(file="coredns", common_name="coredns"),
        Leaf(file="local-path-provisioner", common_name="local-path-provisioner"),
        Leaf(file="traefik", common_name="traefik"),
    )


def write(folder: Path, profile: Profile) -> None:
    """Create every certificate and key of the profile in `folder`; keeps the ones of an earlier run."""
    if (folder / "complete").exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authorities = {name: _write_authority(folder, name) for name in ("ca", "front-proxy-ca")}
    for leaf in leaves(profile):
        _write_leaf(folder, leaf, *authorities[leaf.authority])
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(folder / "service-accounts.key", signing)
    public = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "service-accounts.pub").write_bytes(public)
    (folder / "complete").touch()


def issue(folder: Path, leaf: Leaf) -> None:
    """Create one more certificate of an authority that is there already; keeps one of an earlier call."""
    if (folder / f"{leaf.file}.crt").exists():
        return
    authority = x509.load_pem_x509_certificate((folder / f"{leaf.authority}.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{leaf.authority}.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{leaf.authority}.key is not a key of ours")
    _write_leaf(folder, leaf, authority, key)


def _write_authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / f"{name}.key", key)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _write_leaf(
    folder: Path, leaf: Leaf, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)]
    if leaf.organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.organization))
    builder = _builder(x509.Name(attributes), authority.subject, key.public_key()).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
        critical=False,
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in leaf.names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in leaf.addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write_key(folder / f"{leaf.file}.key", key)
    (folder / f"{leaf.file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A guest's clock may be corrected backwards after a resume.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
