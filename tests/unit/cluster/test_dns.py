import struct

import pytest

from hack.cluster import dns

NAME = "kubernetes.default.svc.cluster.local"


def answer(question: bytes, name: bytes, *, kind: int = 1, data: bytes = bytes([10, 96, 0, 1])) -> bytes:
    header = question[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0)
    return header + question[12:] + name + struct.pack("!2HIH", kind, 1, 5, len(data)) + data


@pytest.mark.parametrize(
    "name", [b"\xc0\x0c", dns.encode_question(NAME)[12:-4]], ids=["pointer", "spelt out"]
)
def test_the_address_in_the_answer_is_read(name: bytes) -> None:
    question = dns.encode_question(NAME)
    assert dns.decode_address(answer(question, name), question) == "10.96.0.1"


def test_other_answers_are_no_address() -> None:
    question = dns.encode_question(NAME)
    refused = question[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + question[12:]
    alias = answer(question, b"\xc0\x0c", kind=5, data=b"\x01a\x00")
    stranger = b"\0\0" + answer(question, b"\xc0\x0c")[2:]
    for reply in (refused, alias, stranger, b""):
        assert dns.decode_address(reply, question) is None
