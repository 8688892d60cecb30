"""Bringing a stack up as the command line says: link, addresses, routes, capture; and waiting until it is to end."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import BinaryIO, Final

from tcpip.adapters.aio_runner import Runner
from tcpip.adapters.names import address_of
from tcpip.addr import IPV4_ANY, IPV6_ANY, SockAddr, is_link_local, parse, parse_mac, parse_prefix, text
from tcpip.clock import MonotonicClock
from tcpip.config.dhcp6_client import Dhcp6Client
from tcpip.config.dhcp_client import DhcpClient
from tcpip.config.link_local import LinkLocal
from tcpip.errors import NetworkError
from tcpip.link.base import LinkEndpoint
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.packetsocket import PacketSocketLink
from tcpip.link.pcapng import PcapngWriter
from tcpip.link.qdisc import QdiscLink
from tcpip.link.qdisc_tbf import qdisc_from
from tcpip.link.sniffer import SnifferLink, start_capture, stop_capture
from tcpip.link.tap import TapLink
from tcpip.link.vlan import VlanTrunk
from tcpip.network.autoconf import STABLE_PRIVACY
from tcpip.stack.nic import Nic
from tcpip.stack.stack import Stack

CONFIGURATION_TIMEOUT: Final = 60.0
MIN_MTU: Final = 68
MAX_MTU: Final = 65535


class CommandError(Exception):
    """What the user gets to read; the verb fails."""


class UsageError(CommandError):
    """The command line cannot be meant: status 2."""


def destination(stack: Stack, host: str, number: int = 0) -> SockAddr:
    """What a command line means by a host; UsageError for a name."""
    try:
        return address_of(stack, host, number)
    except socket.gaierror as error:
        raise UsageError(error.strerror) from None


def port(value: str) -> int:
    """A port on the command line; argparse.ArgumentTypeError."""
    if not value.isascii() or not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"not a port: {value!r}")
    return int(value)


def mtu(value: str) -> int:
    """Bytes of an IP packet (RFC 791 3.2); argparse.ArgumentTypeError."""
    if not value.isascii() or not value.isdecimal() or not MIN_MTU <= int(value) <= MAX_MTU:
        raise argparse.ArgumentTypeError(f"not an MTU: {value!r} ({MIN_MTU} to {MAX_MTU})")
    return int(value)


def mac(value: str) -> bytes:
    """The Ethernet address of one interface; argparse.ArgumentTypeError."""
    try:
        found = parse_mac(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if found[0] & 1 or not any(found):
        raise argparse.ArgumentTypeError(f"not the Ethernet address of one interface: {value!r}")
    return found


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """The options of every verb that has a stack."""
    link = parser.add_mutually_exclusive_group()
    link.add_argument("--tap", metavar="NAME", default="", help="make, or attach to, a tap device (default)")
    link.add_argument("--tun", metavar="NAME", help="the same without Ethernet")
    link.add_argument("--interface", metavar="NAME", help="a packet socket on an existing interface")
    parser.add_argument("--address", "-a", action="append", default=[], metavar="ADDR/LEN", help="the stack's address")
    parser.add_argument("--gateway", "-g", action="append", default=[], metavar="ADDR", help="default route")
    parser.add_argument(
        "--route", action="append", default=[], metavar="NET/LEN=ADDR", help="a route through a gateway"
    )
    parser.add_argument(
        "--host-address",
        action="append",
        default=[],
        metavar="ADDR/LEN",
        help="give this address to the host's end of the tap",
    )
    parser.add_argument("--mac", type=mac, default="02:00:00:00:00:02", help="the stack's Ethernet address")
    parser.add_argument("--mtu", type=mtu, default=1500)
    parser.add_argument("--no-offload", action="store_true", help="whole checksums and single segments only")
    parser.add_argument(
        "--slaac", action="store_true", help="take IPv6 addresses and routes from router advertisements"
    )
    parser.add_argument(
        "--stable-addresses", action="store_true", help="with --slaac: identifiers that do not show the MAC (RFC 7217)"
    )
    parser.add_argument(
        "--temporary-addresses", action="store_true", help="with --slaac: temporary ones too (RFC 8981)"
    )
    parser.add_argument(
        "--dhcp6", action="store_true", help="with --slaac: addresses from DHCPv6 where advertisements say so"
    )
    parser.add_argument("--dhcp", action="store_true", help="take an IPv4 address and routes from a DHCP server")
    parser.add_argument("--link-local", action="store_true", help="take an IPv4 link-local address (169.254.0.0/16)")
    parser.add_argument("--vlan", type=int, metavar="ID", help="send and take frames of this VLAN only")
    parser.add_argument("--qdisc", metavar="SPEC", help="fifo, fq, or tbf,rate=10mbit,burst=16kb,latency=50ms[,fq]")
    parser.add_argument("--impair", metavar="SPEC", help="a bad link, both ways: loss=3%%,delay=20ms,rate=10mbit,...")
    parser.add_argument("--capture", metavar="FILE", help="write what passes the link to FILE (pcapng)")


class HostSession:
    """A running stack; `close` undoes what was made. Needs a running asyncio loop."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.stack = Stack(MonotonicClock())
        self._file: BinaryIO | None = None
        self._sniffer: SnifferLink | None = None
        self.dhcp: DhcpClient | None = None
        self.dhcp6: Dhcp6Client | None = None
        self.link_local: LinkLocal | None = None
        link = open_link(options)
        try:
            link = wrapped(link, self.stack, options)
            self.nic = self.stack.add_nic(link, "eth0")
            self.nic.accept_ra = options.slaac
            if options.stable_addresses:
                self.nic.autoconf.addr_gen_mode = STABLE_PRIVACY
            self.nic.autoconf.use_tempaddr = 2 if options.temporary_addresses else 0
            if options.capture:
                self._file = open(options.capture, "wb")  # noqa: SIM115
                self._sniffer = start_capture(self.nic, PcapngWriter(self._file))
            configure(self.stack, self.nic, options)
            if (options.dhcp or options.link_local) and not self.nic.has_arp:
                raise ValueError("--dhcp and --link-local need Ethernet: a tap or an interface")
            if options.dhcp:
                self.dhcp = DhcpClient(self.nic)
                self.dhcp.start()
            if options.dhcp6:
                self.dhcp6 = Dhcp6Client(self.nic)
                self.dhcp6.follow()
            if options.link_local:
                self.link_local = LinkLocal(self.nic)
                self.link_local.start()
        except NetworkError as error:
            link.close()
            raise CommandError(str(error)) from None
        except ValueError as error:
            link.close()
            raise UsageError(str(error)) from None
        self.runner = Runner(self.stack)

    async def ready(self) -> None:
        """Until DHCP or link-local configuration, if asked for, has given an address; CommandError."""
        if self.dhcp is None and self.link_local is None:
            return
        arrived = asyncio.Event()
        self.on_change(arrived.set)
        try:
            await asyncio.wait_for(arrived.wait(), CONFIGURATION_TIMEOUT)
        except TimeoutError:
            raise CommandError(
                "no IPv4 address: " + ("no DHCP server answers" if self.dhcp else "all are taken")
            ) from None

    def on_change(self, callback: Callable[[], None]) -> None:
        """What to do when DHCP, DHCPv6 or link-local configuration brings or takes an address."""
        if self.dhcp is not None:
            self.dhcp.on_change = callback
        if self.dhcp6 is not None:
            self.dhcp6.on_change = callback
        if self.link_local is not None:
            self.link_local.on_change = callback

    def close(self) -> None:
        """Give leases back, send what is queued, finish the capture, remove the device."""
        self.on_change(_nothing)
        if self.dhcp is not None:
            self.dhcp.stop()
        if self.dhcp6 is not None:
            self.dhcp6.stop()
        if self.link_local is not None:
            self.link_local.stop()
        self.runner.close()
        if self._sniffer is not None:
            stop_capture(self.nic, self._sniffer)
        if self._file is not None:
            self._file.close()
        self.stack.remove_nic(self.nic)


def open_link(options: argparse.Namespace) -> LinkEndpoint:
    """The link that was asked for."""
    offload = not options.no_offload
    if options.interface:
        return PacketSocketLink(options.interface, offload=offload)
    try:
        for value in options.host_address:
            parse_prefix(value)
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        link = TapLink(options.tun or options.tap, options.mac, options.mtu, bool(options.tun), offload)
    except ImportError:
        raise CommandError("python-pytun is not installed (pip install python-pytun)") from None
    except Exception as error:
        if type(error).__module__ != "pytun":
            raise
        raise CommandError(f"cannot open the device: {error}") from None
    configure_host(link, options.host_address)
    return link


def wrapped(link: LinkEndpoint, stack: Stack, options: argparse.Namespace) -> LinkEndpoint:
    """The link behind its VLAN, impairment and queue, in this order; ValueError."""
    if options.vlan is not None:
        if options.interface or options.tun:
            raise ValueError("--vlan needs a tap: packet sockets get frames without their tags, and a tun has none")
        link = VlanTrunk(link).add(options.vlan)
    if options.impair:
        bad = ImpairmentLink(link, stack.clock, stack.timers)
        apply_spec(options.impair, bad.outbound)
        apply_spec(options.impair, bad.inbound)
        link = bad
    if options.qdisc:
        link = QdiscLink(link, qdisc_from(options.qdisc, link), stack.clock, stack.timers)
    return link


def configure_host(link: TapLink, host_addresses: list[str]) -> None:
    """Bring the host's end up, through ip(8)."""
    commands = [["link", "set", link.name, "mtu", str(link.mtu), "up"]]
    for value in host_addresses:
        extra = ["nodad"] if ":" in value else []
        commands.append(["addr", "replace", value, "dev", link.name, *extra])
    for command in commands:
        done = subprocess.run(["ip", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            link.close()
            raise CommandError(f"ip {' '.join(command)}: {done.stderr.strip()}")


def configure(stack: Stack, nic: Nic, options: argparse.Namespace) -> None:
    """Addresses and routes; ValueError, NetworkError."""
    for value in options.address:
        addr, length = parse_prefix(value)
        nic.add_address(addr, length, dad=False)
    for value in options.gateway:
        gateway = parse(value)
        through = nic if is_link_local(gateway) else None
        stack.add_route(IPV4_ANY if len(gateway) == 4 else IPV6_ANY, 0, gateway, through)
    for value in options.route:
        target, equals, gateway_text = value.partition("=")
        if not equals:
            raise ValueError(f"not a route: {value!r} (NET/LEN=GATEWAY)")
        prefix, length = parse_prefix(target)
        stack.add_route(prefix, length, parse(gateway_text))
    if options.slaac:
        nic.add_link_local()


def describe(nic: Nic) -> str:
    """One line: device and addresses."""
    addresses = ", ".join(f"{text(a.addr)}/{a.prefix_len}" for a in nic.addresses.values())
    link: object = nic.link
    while not isinstance(link, TapLink) and hasattr(link, "inner"):
        link = link.inner
    device = link.name if isinstance(link, TapLink) else ""
    return f"{device or nic.name}: {addresses or 'no address yet'} (pid {os.getpid()})"


async def until_stopped(seconds: float | None) -> None:
    """Until SIGINT or SIGTERM, or for `seconds`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    await stop.wait()


def _nothing() -> None:
    pass
