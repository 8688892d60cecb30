"""Every congestion control there is on a lossy long link, as a picture: the congestion window over time.

python examples/compare_congestion.py OUT.png [MEGABYTES]

One panel for each, all on the same scale; grey lines are 10 s and 100 KB apart.
"""

import struct
import sys
import zlib
from pathlib import Path

from long_link import Transfer

from tcpip.clock import NS_PER_S
from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.recorder import Point

LINK, MEGABYTES = "loss=0.2%,delay=80ms,rate=20mbit,queue_limit=100", 20
WIDTH, HEIGHT, GAP = 900, 220, 12
WHITE, GREY, BLACK = b"\xff\xff\xff", b"\xdd\xdd\xdd", b"\x33\x33\x33"
COLOURS = (b"\xc0\x39\x2b", b"\x1f\x6f\xb4", b"\x2e\x8b\x57", b"\x8e\x44\xad", b"\xd3\x84\x00", b"\x00\x80\x80")
NAMES = ("red", "blue", "green", "purple", "orange", "teal")


class Picture:
    """RGB pixels, from the top left corner, that become a PNG (RFC 2083)."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [bytearray(WHITE * width) for _ in range(height)]

    def vertical(self, x: int, top: int, bottom: int, colour: bytes) -> None:
        for y in range(max(min(top, bottom), 0), min(max(top, bottom), self.height - 1) + 1):
            self.rows[y][3 * x : 3 * x + 3] = colour

    def horizontal(self, y: int, colour: bytes) -> None:
        self.rows[y][:] = colour * self.width

    def png(self) -> bytes:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

        head = struct.pack("!IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        body = zlib.compress(b"".join(b"\0" + bytes(row) for row in self.rows), 9)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def draw(series: list[list[Point]]) -> Picture:
    """One panel below the other."""
    picture = Picture(WIDTH, len(series) * (HEIGHT + GAP))
    seconds = max(points[-1].at for points in series) / NS_PER_S
    most = max(point.cwnd for points in series for point in points)
    for number, points in enumerate(series):
        floor = number * (HEIGHT + GAP) + HEIGHT
        for at in range(0, int(seconds) + 1, 10):
            picture.vertical(int(at / seconds * (WIDTH - 1)), floor - HEIGHT + 1, floor, GREY)
        for level in range(0, most, 100_000):
            picture.horizontal(floor - int(level / most * (HEIGHT - 1)), GREY)
        picture.horizontal(floor, BLACK)
        before = floor
        for point in points:
            y = floor - int(point.cwnd / most * (HEIGHT - 1))
            picture.vertical(
                int(point.at / NS_PER_S / seconds * (WIDTH - 1)), before, y, COLOURS[number % len(COLOURS)]
            )
            before = y
    return picture


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not all(word.isdecimal() and int(word) for word in sys.argv[2:]):
        sys.exit("usage: python examples/compare_congestion.py OUT.png [MEGABYTES]")
    size = int(sys.argv[2]) if sys.argv[2:] else MEGABYTES
    transfers = [Transfer(name, LINK, size * 1_000_000).run() for name in sorted(ALGORITHMS)]
    for number, transfer in enumerate(transfers):
        print(f"{transfer}  ({NAMES[number % len(NAMES)]})")
    Path(sys.argv[1]).write_bytes(draw([transfer.points for transfer in transfers]).png())
