"""Kafka frames made by hand, to send what no client library would."""

import socket
import struct

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18


def string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def frame(body):
    return struct.pack(">i", len(body)) + body


def request(key, version, body, correlation=1):
    return frame(struct.pack(">hhi", key, version, correlation) + string("outside") + body)


def api_versions():
    return request(API_VERSIONS, 0, b"")


def metadata(topic):
    return request(METADATA, 4, struct.pack(">i", 1) + string(topic) + b"\x00")


def produce(topic, partition, records, acks=-1):
    return request(PRODUCE, 7, b"\xff\xff" + struct.pack(">hii", acks, 30_000, 1) + string(topic)
                   + struct.pack(">iii", 1, partition, len(records)) + records)


def fetch(topic, partition, offset, wait_millis, bytes_max=50_000_000, bytes_min=1):
    return request(FETCH, 4, struct.pack(">iiiib", -1, wait_millis, bytes_min, bytes_max, 0)
                   + struct.pack(">i", 1) + string(topic)
                   + struct.pack(">iiqi", 1, partition, offset, bytes_max))


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ 0x82F63B78 if number & 1 else number >> 1
        table.append(number)
    return table


_TABLE = _table()


def crc32c(data):
    """CRC-32C, of iSCSI (RFC 3720, B.4), byte by byte."""
    crc = 0xFFFFFFFF
    for each in data:
        crc = _TABLE[(crc ^ each) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def batch(values, timestamp=1_700_000_000_000, producer=(-1, -1, -1)):
    """A record batch v2, uncompressed; `producer` is producer ID, epoch and base sequence."""
    records = b""
    for number, value in enumerate(values):
        body = b"\x00" + varint(0) + varint(number) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    tail = struct.pack(
        ">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, *producer, len(values)) + records
    body = struct.pack(">ib", 0, 2) + struct.pack(">I", crc32c(tail)) + tail
    return struct.pack(">qi", 0, len(body)) + body


class Wire:
    """A bare connection."""

    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next answer without its size; `None` once the broker has closed the connection."""
        size = self._exactly(4)
        return size and self._exactly(struct.unpack(">i", size)[0])

    def ask(self, data):
        self.send(data)
        return self.answer()

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionError:
                return None
            if not part:
                return None
            data += part
        return bytes(data)


def produce_error(answer):
    """The error code of a Produce 7 answer of one partition."""
    at = 4 + 4
    at += 2 + struct.unpack_from(">h", answer, at)[0] + 4 + 4
    return struct.unpack_from(">h", answer, at)[0]
