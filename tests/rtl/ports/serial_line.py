"""A host's side of a serial link, written from docs/serial_link.md and nothing else."""

from binascii import crc32

HELLO, READ, WRITE, EXCHANGE = range(4)


def stuffed(body: bytes) -> bytes:
    return b"".join(bytes([0x7D, byte ^ 0x20]) if byte in (0x7D, 0x7E) else bytes([byte]) for byte in body)


def with_crc(body: bytes) -> bytes:
    return body + crc32(body).to_bytes(4, "little")


def framed(body: bytes) -> bytes:
    """Number, code and payload as a frame on the line."""
    return b"\x7e" + stuffed(with_crc(body)) + b"\x7e"


def words(*values: int) -> bytes:
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in values)


def frames(line: bytes) -> list[bytes]:
    """Number, code and payload of every frame on a line; all must be whole and right."""
    assert line[:1] in (b"", b"\x7e") and line[-1:] in (b"", b"\x7e"), line
    result = []
    for part in filter(None, line.split(b"\x7e")):
        body, escaped = bytearray(), False
        for byte in part:
            if byte == 0x7D and not escaped:
                escaped = True
            else:
                assert not escaped or byte in (0x5D, 0x5E), part
                body.append(byte ^ 0x20 if escaped else byte)
                escaped = False
        assert not escaped and len(body) >= 6 and with_crc(bytes(body[:-4])) == bytes(body), part
        result.append(bytes(body[:-4]))
    return result
