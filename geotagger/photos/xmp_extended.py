"""The part of a JPEG's XMP that did not fit into one segment. XMP specification part 3, 1.1.3.1.

Programs move what is large into it, depth maps above all; a place is there only if somebody's
properties were too many. So it is put together within a small bound, and read only if it names one.
"""

from __future__ import annotations

import re

from geotagger.photos.opening import MeteredStream

HEADING = b"http://ns.adobe.com/xmp/extension/\0"
MAX_EXTENDED = 2 << 20
"""The largest extended packet that is put together, in bytes; larger ones hold pictures."""
_MAX_PARTS = 64
_GUID = 32
_LEAD = _GUID + 4 + 4
"""Behind the heading: the packet's digest in hexadecimal, its whole length, this part's offset."""
_NAMED = re.compile(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")


class ExtendedXmp:
    """Collects the parts of extended packets in the order of the file, whatever that is."""

    def __init__(self) -> None:
        self._parts: dict[tuple[bytes, int], list[tuple[int, bytes]]] = {}
        self._count = 0
        self._size = 0

    def add(self, stream: MeteredStream, at: int, length: int) -> None:
        """Take one segment whose heading begins at `at`; parts beyond the bounds are dropped."""
        size = length - len(HEADING) - _LEAD
        if size <= 0 or self._count >= _MAX_PARTS or self._size + size > MAX_EXTENDED:
            return
        data = stream.read_at(at + len(HEADING), length - len(HEADING))
        whole = int.from_bytes(data[_GUID : _GUID + 4], "big")
        offset = int.from_bytes(data[_GUID + 4 : _LEAD], "big")
        if len(data) == _LEAD + size and whole <= MAX_EXTENDED:
            parts = self._parts.setdefault((data[:_GUID].upper(), whole), [])
            parts.append((offset, data[_LEAD:]))
            self._count += 1
            self._size += size

    def packet(self, main: bytes) -> bytes:
        """Return the packet that the main one names if it is whole and tells a place, else b""."""
        named = _NAMED.search(main)
        if named is None:
            return b""
        for (guid, whole), parts in self._parts.items():
            if guid != named[1].upper():
                continue
            packet = b""
            for offset, data in sorted(parts):
                if offset == len(packet):
                    packet += data
            if len(packet) == whole and b"GPSL" in packet:
                return packet
        return b""
