"""One DNS question, to see the cluster's server answer it."""

import socket
import struct

IDENTITY = 0x5254
RECURSION_DESIRED = 0x0100
TYPE_A = 1
CLASS_IN = 1
ADDRESS_LENGTH = 4
TIMEOUT = 1.0


def encode_question(name: str) -> bytes:
    """Return a query for the A record of `name` (RFC 1035, section 4)."""
    header = struct.pack("!6H", IDENTITY, RECURSION_DESIRED, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return header + labels + b"\0" + struct.pack("!2H", TYPE_A, CLASS_IN)


def decode_address(answer: bytes, question: bytes) -> str | None:
    """Return the address in the first answer record; None where there is none."""
    if len(answer) < len(question) or answer[:2] != question[:2]:
        return None
    (answers,) = struct.unpack_from("!H", answer, 6)
    if answers == 0:
        return None
    # The record follows the repeated question; its name is a two-byte pointer back to it, or spelt out again.
    offset = len(question)
    while answer[offset] and answer[offset] < 0xC0:  # noqa: PLR2004 - 0xC0 marks a pointer in RFC 1035
        offset += answer[offset] + 1
    offset += 2 if answer[offset] else 1
    kind, _, _, length = struct.unpack_from("!2HIH", answer, offset)
    start = offset + struct.calcsize("!2HIH")
    if kind != TYPE_A or length != ADDRESS_LENGTH:
        return None
    return socket.inet_ntoa(answer[start : start + length])


def ask(server: str, name: str) -> str | None:
    """Return the address the server gives for `name`; None where it gives none within a second."""
    question = encode_question(name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(TIMEOUT)
        try:
            channel.connect((server, 53))
            channel.send(question)
            return decode_address(channel.recv(512), question)
        except OSError:
            return None
