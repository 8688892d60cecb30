"""A network drawn from a generator: LANs with a learning bridge each, routers that join them to a tree, hosts on them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import BinaryIO

from tcpip.addr import parse
from tcpip.clock import NS_PER_MS, ManualClock
from tcpip.link.bridge import Bridge
from tcpip.link.impairment import Impairment, ImpairmentLink
from tcpip.link.pcapng import PcapngWriter
from tcpip.link.pipe import pipe
from tcpip.link.sniffer import start_capture
from tcpip.stack.nic import Nic
from tcpip.stack.stack import Stack
from tools.netsim.witness import Witness

MAX_STACKS = 20


class Port:
    """One interface, with the wire between it and its LAN's bridge."""

    def __init__(self, nic: Nic, link: ImpairmentLink, witness: Witness) -> None:
        self.nic = nic
        self.link = link
        self.witness = witness
        self.calm = (link.outbound.delay_ns, link.outbound.rate)

    def directions(self) -> tuple[Impairment, Impairment]:
        """Both ways' settings."""
        return self.link.outbound, self.link.inbound


class Node:
    """One stack: a host on one LAN, or a router on two."""

    def __init__(self, stack: Stack, name: str, lans: list[int]) -> None:
        self.stack = stack
        self.name = name
        self.lans = lans
        self.ports: list[Port] = []

    def address(self, lan: int, six: bool) -> bytes:
        """Its address on a LAN."""
        number = int(self.name[1:]) + (200 if self.name[0] == "r" else 1)
        return parse(f"fd00:{lan}::{number:x}" if six else f"10.0.{lan}.{number}")


class Network:
    """All nodes. `small`: IPv4 alone, so that MTUs may go below 1280."""

    def __init__(self, random: Random, clock: ManualClock, capture: Callable[[str], BinaryIO] | None = None) -> None:
        self.random = random
        self.clock = clock
        self.capture = capture
        self.small = random.random() < 0.4
        self.nodes: list[Node] = []
        lans = random.choice((1, 1, 2, 3, 4))
        self.bridges = [Bridge() for _ in range(lans)]
        self.parent = [random.randrange(i) if i else -1 for i in range(lans)]
        for lan in range(1, lans):
            self._add(f"r{lan}", [self.parent[lan], lan])
        for i in range(random.randint(2, random.choice((2, 3, 6, MAX_STACKS - lans + 1)))):
            self._add(f"h{i}", [random.randrange(lans)])
        for node in self.nodes:
            self._route(node)

    @property
    def hosts(self) -> list[Node]:
        """Those with applications."""
        return [node for node in self.nodes if node.name[0] == "h"]

    def _add(self, name: str, lans: list[int]) -> None:
        stack = Stack(self.clock, Random(self.random.getrandbits(64)), ipv6=not self.small)
        stack.forwarding = stack.forwarding_v6 = len(lans) > 1
        node = Node(stack, name, lans)
        self.nodes.append(node)
        for lan in lans:
            self._plug(node, lan)

    def _plug(self, node: Node, lan: int) -> None:
        serial = len(self.nodes)
        macs = (bytes((2, 0, 0, lan, 0, serial)), bytes((2, 1, 0, lan, 0, serial)))
        here, there = pipe(1500, macs, offload=False)
        self.bridges[lan].add_port(there)
        bad = ImpairmentLink(here, self.clock, node.stack.timers, self.random.getrandbits(32))
        delay = self.random.choice((0, 0, 1, 5, 30)) * NS_PER_MS
        rate = self.random.choice((0, 0, 2_000_000, 20_000_000))
        for settings in (bad.outbound, bad.inbound):
            settings.delay_ns, settings.rate = delay, rate
        name = f"{node.name}.{lan}"
        witness = Witness(bad, self.clock, name)
        nic = node.stack.add_nic(witness, f"eth{lan}")
        witness.nic = nic
        if self.capture is not None:
            start_capture(nic, PcapngWriter(self.capture(name)))
        nic.accept_ra = False
        nic.add_address(node.address(lan, False), 24)
        if not self.small:
            nic.add_address(node.address(lan, True), 64, dad=False)
        node.ports.append(Port(nic, bad, witness))

    def _route(self, node: Node) -> None:
        """A route to every LAN that it is not on, by the router on the way."""
        for target in range(len(self.bridges)):
            if target in node.lans:
                continue
            router, lan = self._next_router(node.lans, target)
            nic = next(port.nic for port in node.ports if port.nic.name == f"eth{lan}")
            node.stack.add_route(parse(f"10.0.{target}.0"), 24, router.address(lan, False), nic)
            if not self.small:
                node.stack.add_route(parse(f"fd00:{target}::"), 64, router.address(lan, True), nic)

    def _next_router(self, lans: list[int], target: int) -> tuple[Node, int]:
        """The router to ask on the way from one of `lans` to `target`, and the LAN that it is asked on."""
        towards: dict[int, int] = {}  # LAN -> the next LAN on the way to the target
        todo = [target]
        while todo:
            lan = todo.pop()
            for router in self.nodes:
                if router.name[0] == "r" and lan in router.lans:
                    other = router.lans[0] if router.lans[1] == lan else router.lans[1]
                    if other != target and other not in towards:
                        towards[other] = lan
                        todo.append(other)
        # A router on two LANs goes by the one that is nearer: its other one leads through itself.
        lan = next(x for x in lans if towards[x] not in lans)
        router = next(n for n in self.nodes if n.name[0] == "r" and set(n.lans) == {lan, towards[lan]})
        return router, lan
