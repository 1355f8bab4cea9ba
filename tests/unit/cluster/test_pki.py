from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from hack.cluster import pki
from hack.cluster.layout import CONTROL_PLANE, NODE


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_every_certificate_is_signed_by_its_authority(tmp_path: Path) -> None:
    pki.write(tmp_path, NODE)
    for leaf in pki.leaves(NODE):
        read(tmp_path / f"{leaf.file}.crt").verify_directly_issued_by(
            read(tmp_path / f"{leaf.authority}.crt")
        )


def test_the_api_server_is_trusted_under_every_name_it_has(tmp_path: Path) -> None:
    pki.write(tmp_path, NODE)
    certificate = read(tmp_path / "apiserver.crt")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"10.96.0.1", "10.244.0.1", "127.0.0.1"}


def test_the_kubelet_is_a_member_of_the_nodes(tmp_path: Path) -> None:
    pki.write(tmp_path, NODE)
    subject = read(tmp_path / "kubelet.crt").subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:node1"


def test_keys_are_for_their_owner_only_and_are_kept_by_a_second_run(tmp_path: Path) -> None:
    pki.write(tmp_path, CONTROL_PLANE)
    keys = {path: path.read_bytes() for path in tmp_path.glob("*.key")}
    assert tmp_path / "service-accounts.key" in keys
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    pki.write(tmp_path, CONTROL_PLANE)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.key")} == keys
