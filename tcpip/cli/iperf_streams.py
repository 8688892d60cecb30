"""The data of an iperf3 test: TCP and UDP streams, what each side counts, and what is said about it."""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import Any, Final, Protocol

from tcpip import errors
from tcpip.adapters.aio_transport import wait_for
from tcpip.clock import NS_PER_S, Clock
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.transport.tcp.options import TCP_INFO
from tcpip.waiter import EVENT_IN, EVENT_OUT

PACING: Final = 0.001
MAX_BURST: Final = 128
_STAMP: Final = Struct("!IIQ")
_OLD_STAMP: Final = Struct("!III")
_TOTAL_RETRANS: Final = Struct("=100xI")  # of struct tcp_info


class Stream(Protocol):
    """What a test needs of one; `endpoint` is whoever made the stream's to close."""

    endpoint: Endpoint
    sending: bool
    bytes: int
    packets: int
    lost: int
    jitter: float

    async def run(self) -> None:
        """Send or receive until cancelled or the peer goes away."""


class TcpStream:
    """One data connection and what went through it."""

    def __init__(self, endpoint: Endpoint, sending: bool, block: int) -> None:
        self.endpoint = endpoint
        self.sending = sending
        self.bytes = self.packets = self.lost = 0
        self.jitter = 0.0
        self._block = bytes(block)
        self._buffer = memoryview(bytearray(max(block, 512 * 1024)))

    async def run(self) -> None:
        """Yields to the loop when nothing can be done."""
        loop = asyncio.get_running_loop()
        endpoint = self.endpoint
        try:
            while True:
                if self.sending:
                    count = endpoint.send(self._block)
                else:
                    count = endpoint.recv_into(self._buffer)
                if count > 0:
                    self.bytes += count
                elif count == AGAIN:
                    await wait_for(loop, endpoint, EVENT_OUT if self.sending else EVENT_IN)
                else:
                    return
        except NetworkError:
            return


class UdpStream:
    """One flow of datagrams. `rate` in bits a second, 0 as fast as it goes; counters of 64 bits with `wide`."""

    def __init__(
        self, endpoint: Endpoint, sending: bool, block: int, clock: Clock, rate: float, wide: bool = False
    ) -> None:
        self.endpoint = endpoint
        self.sending = sending
        self.bytes = self.packets = self.lost = 0
        self.jitter = 0.0
        self._stamp = _STAMP if wide else _OLD_STAMP
        self._block = max(block, self._stamp.size)
        self._clock = clock
        self._rate = rate
        self._transit: float | None = None

    async def run(self) -> None:
        """Datagrams are lost, not waited for; an ICMP error is no end."""
        await (self._send() if self.sending else self._receive())

    async def _send(self) -> None:
        began = self._clock.now_ns()
        padding = bytes(self._block - self._stamp.size)
        while True:
            now = self._clock.now_ns()
            due = MAX_BURST
            if self._rate:
                allowed = (now - began) * self._rate / 8 / NS_PER_S
                due = min(due, int((allowed - self.bytes) / self._block) + 1)
            for _ in range(due):
                head = self._stamp.pack(now // NS_PER_S, now % NS_PER_S // 1000, self.packets + 1)
                try:
                    if self.endpoint.send(head + padding) == AGAIN:
                        break
                except NetworkError as error:
                    if error.error is errors.WOULD_BLOCK:
                        break
                    continue
                self.packets += 1
                self.bytes += self._block
            await asyncio.sleep(PACING if self._rate else 0)

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        buffer = memoryview(bytearray(65536))
        while True:
            try:
                count = self.endpoint.recv_into(buffer)
            except NetworkError:
                continue
            if count == AGAIN:
                await wait_for(loop, self.endpoint, EVENT_IN)
            elif count >= self._stamp.size:
                self._count(count, *self._stamp.unpack_from(buffer))

    def _count(self, size: int, seconds: int, micros: int, number: int) -> None:
        """Loss and jitter (RFC 3550 A.8), as iperf3 has them: a datagram that comes late was no loss."""
        self.bytes += size
        if number > self.packets:
            self.lost += number - self.packets - 1
            self.packets = number
        elif self.lost:
            self.lost -= 1
        transit = self._clock.now_ns() / NS_PER_S - (seconds + micros / 1e6)
        if self._transit is not None:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
        self._transit = transit


def retransmits(stream: Stream) -> int:
    """Segments that a stream's sender has sent again; -1 for who does not send, 0 for datagrams. As iperf3 counts them."""
    if not stream.sending:
        return -1
    if not isinstance(stream, TcpStream):
        return 0
    info = stream.endpoint.get_option(IPPROTO_TCP, TCP_INFO)
    assert isinstance(info, bytes)
    return int(_TOTAL_RETRANS.unpack_from(info)[0])


async def progress(streams: list[Stream]) -> None:
    """A line each second of how it goes, until cancelled."""
    before = {True: 0, False: 0}
    second = 0
    while True:
        await asyncio.sleep(1)
        words = []
        for verb, sending in (("sent", True), ("received", False)):
            mine = [stream.bytes for stream in streams if stream.sending is sending]
            if mine:
                words.append(f"{verb} {(sum(mine) - before[sending]) * 8 / 1e9:.2f} Gbit/s")
                before[sending] = sum(mine)
        print(f"iperf: {second:3}-{second + 1:<3} s  {', '.join(words)}", flush=True)
        second += 1


def results(streams: list[Stream], seconds: float) -> dict[str, Any]:
    """The JSON that both sides exchange at the end."""
    rows = [
        {
            "id": 1 if index == 0 else index + 2,
            "bytes": stream.bytes,
            "retransmits": retransmits(stream),
            "jitter": stream.jitter,
            "errors": stream.lost,
            "omitted_errors": 0,
            "packets": stream.packets,
            "omitted_packets": 0,
            "start_time": 0,
            "end_time": seconds,
        }
        for index, stream in enumerate(streams)
    ]
    usage = {"cpu_util_total": 0.0, "cpu_util_user": 0.0, "cpu_util_system": 0.0}
    return usage | {
        "sender_has_retransmits": int(any(s.sending and isinstance(s, TcpStream) for s in streams)),
        "streams": rows,
    }


def report(streams: list[Stream], seconds: float) -> None:
    """One line for each direction."""
    for verb, sending in (("sent", True), ("received", False)):
        mine = [stream for stream in streams if stream.sending is sending]
        if not mine:
            continue
        total = sum(stream.bytes for stream in mine)
        rate = total * 8 / max(seconds, 1e-9) / 1e9
        packets, lost = sum(stream.packets for stream in mine), sum(stream.lost for stream in mine)
        datagrams = f", {packets} datagrams" + (f", {lost} lost" if not sending else "") if packets else ""
        print(f"iperf: {verb} {total} bytes in {seconds:.2f} s, {rate:.2f} Gbit/s{datagrams}", flush=True)
