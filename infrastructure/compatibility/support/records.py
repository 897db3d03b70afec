"""A record as every client sees it."""

from typing import NamedTuple, Optional


class Record(NamedTuple):
    key: Optional[bytes]
    value: Optional[bytes]
    headers: tuple = ()
    timestamp: int = 1_700_000_000_000


def samples(count=50, size=300):
    """Records that differ, compress well, and include what is easily confused: null, empty, repeated."""
    odd = [
        Record(None, b"no key"),
        Record(b"", b"empty key"),
        Record(b"deleted", None),
        Record(b"empty", b""),
        Record(b"h", b"headers", (("a", b"1"), ("a", b"2"), ("empty", b""), ("\u00e4", bytes(range(256))))),
        Record(bytes(range(256)), bytes(reversed(range(256)))),
    ]
    plain = [
        Record(b"key-%d" % number, (b"value %d " % number) * (size // 10), (("n", b"%d" % number),),
               1_700_000_000_000 + number)
        for number in range(count - len(odd))
    ]
    return odd + plain
