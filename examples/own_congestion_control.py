"""A congestion control of one's own, used by its name, beside CUBIC on a link that loses one packet in a hundred.

python examples/own_congestion_control.py
"""

from long_link import Transfer

from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.congestion.base import CongestionControl


class Stubborn(CongestionControl):
    """Grows by an eighth of a window each round trip and gives back an eighth for a loss, whatever the reason was."""

    name = "stubborn"

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        self.cwnd += acked if self.in_slow_start() else max(acked // 8, 1)

    def reduced(self, flight: int) -> int:
        return self.cwnd * 7 // 8


ALGORITHMS["stubborn"] = Stubborn  # from now on TCP_CONGESTION takes it, too

if __name__ == "__main__":
    for name in ("cubic", "stubborn"):
        print(Transfer(name, "loss=1%,delay=80ms,rate=20mbit", 4_000_000).run())
