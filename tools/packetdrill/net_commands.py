"""ip(8), tc(8) and nstat(8), as far as scripts use them."""

from __future__ import annotations

from typing import Final

from tcpip.addr import AF_INET, AF_INET6, any_of, parse, parse_prefix
from tcpip.clock import NS_PER_MS, NS_PER_US
from tcpip.stack.route_metrics import METRIC_RTO_MIN, RouteMetrics
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.host import Host

IGNORED_ROUTE_WORDS: Final = ("proto", "scope", "src", "metric", "table", "pref")
FIFOS: Final = ("pfifo", "bfifo", "pfifo_fast", "noqueue")


def ip_command(host: Host, words: list[str]) -> int:
    """0, or ScriptError by name."""
    words = [word for word in words if word not in ("-4", "-6", "-q")]
    what, rest = (words[0], words[1:]) if words else ("", [])
    if what in ("tcp_metrics", "tcpmetrics"):
        if rest[:1] in (["flush"], ["del"], ["delete"]):
            host.stack.tcp.fast_open_cookies.clear()
        return 0  # no others are kept
    if what in ("route", "r", "ro"):
        return _route(host, rest)
    if what in ("link", "l"):
        return _link(host, rest)
    if what in ("addr", "address", "a"):
        return _address(host, rest)
    raise ScriptError(f"ip {what!r} is not supported")


def _route(host: Host, words: list[str]) -> int:
    verb, rest = (words[0], words[1:]) if words else ("show", [])
    if verb in ("flush", "show", "list", "get"):
        return 0
    if verb not in ("change", "replace", "add", "append", "prepend", "chg"):
        raise ScriptError(f"ip route {verb!r} is not supported")
    if not rest:
        raise ScriptError("ip route: a destination is missing")
    default = rest[0] in ("default", "0.0.0.0/0", "::/0")
    prefix, length = (any_of(AF_INET6 if _six(host) else AF_INET), 0) if default else parse_prefix(rest[0])
    metrics = _metrics(rest[1:])
    for entry in host.stack.routes.entries:
        if (entry.prefix, entry.length, entry.nic) == (prefix, length, host.nic):
            break
    else:
        entry = host.stack.add_route(prefix, length, nic=host.nic)
    entry.metrics = RouteMetrics()
    for name, value in metrics.items():
        setattr(entry.metrics, name, value)
    host.stack.changed()
    return 0


def _six(host: Host) -> bool:
    return any(len(address.addr) == 16 for address in host.nic.addresses_of(AF_INET6) if address.addr[:1] != b"\xfe")


def _metrics(words: list[str]) -> dict[str, int | str]:
    """Route metrics by the names of the stack's route entries."""
    found: dict[str, int | str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("via", "dev", *IGNORED_ROUTE_WORDS):
            rest.pop(0)
            continue
        if word in ("onlink",):
            continue
        if not rest:
            raise ScriptError(f"ip route: {word!r} has no value")
        value = rest.pop(0)
        if value == "lock":
            value = rest.pop(0)
        if word in ("initcwnd", "initrwnd", "advmss", "mtu", "quickack", "window"):
            found[word] = int(value)
        elif word == "rto_min":
            found["rto_min_ns"] = _time(value)
            found["locked"] = 1 << METRIC_RTO_MIN  # as ip(8) asks for it
        elif word == "congctl":
            found["congestion"] = value
        elif word == "features" and value == "ecn":
            found["ecn"] = 1
        elif word == "fastopen_no_cookie":
            found["fastopen_no_cookie"] = int(value)
        else:
            raise ScriptError(f"ip route: {word!r} is not supported")
    return found


def _time(text: str) -> int:
    """`200ms`, `5us`, `1s`, ns."""
    for suffix, scale in (("ms", NS_PER_MS), ("us", NS_PER_US), ("s", 1000 * NS_PER_MS)):
        if text.endswith(suffix):
            return int(float(text.removesuffix(suffix)) * scale)
    return int(text) * NS_PER_MS


def _link(host: Host, words: list[str]) -> int:
    rest = [word for word in words if word not in ("set", "dev", "tun0")]
    if words[:1] in (["show"], ["list"]):
        return 0
    while rest:
        word = rest.pop(0)
        if word == "mtu" and rest:
            host.nic.set_mtu(int(rest.pop(0)))
        elif word in ("up", "down"):
            host.nic.set_up(word == "up")
        elif word in ("gso_max_size", "gso_max_segs", "txqueuelen", "gro_max_size") and rest:
            rest.pop(0)
            if word.startswith("g"):
                raise ScriptError(f"ip link: {word!r} is not supported")
        else:
            raise ScriptError(f"ip link: {word!r} is not supported")
    return 0


def _address(host: Host, words: list[str]) -> int:
    verb, rest = (words[0], words[1:]) if words else ("show", [])
    if verb in ("show", "list"):
        return 0
    if verb not in ("add", "del", "replace") or not rest:
        raise ScriptError(f"ip addr {verb!r} is not supported")
    text = rest[0]
    if verb == "del":
        host.nic.remove_address(parse(text.partition("/")[0]))
        return 0
    addr, length = parse(text.partition("/")[0]), text.partition("/")[2]
    host.nic.add_address(addr, int(length) if length else len(addr) * 8, dad=False)
    return 0


def tc_command(host: Host, words: list[str]) -> int:
    """A fifo is what the link is, and fq the pace of each connection; everything else would have to be simulated, and is
    refused."""
    if words[:1] != ["qdisc"]:
        raise ScriptError(f"tc {' '.join(words[:1])!r} is not supported")
    if words[1:2] == ["show"]:
        return 0
    config = host.stack.tcp.config
    if words[1:2] in (["del"], ["delete"]):
        config.paced = False
        return 0
    kind = next(
        (word for word in words if word in (*FIFOS, "fq", "fq_codel", "netem", "tbf", "htb", "codel", "sfq")), ""
    )
    if "limit" in words and words[-1] != "limit" and words[words.index("limit") + 1] == "0":
        raise ScriptError("tc qdisc: a queue that takes nothing is not supported")
    config.paced = kind == "fq" and words[-1] == "fq"
    if kind not in FIFOS and not config.paced:
        raise ScriptError(f"tc qdisc {kind or ' '.join(words)!r} is not supported: packets leave at once")
    return 0


def nstat(host: Host, words: list[str]) -> tuple[int, str]:
    """Counters since `nstat -n`, as nstat(8) shows them."""
    flags = "".join(word[1:] for word in words if word.startswith("-") and not word.startswith("--"))
    names = [word for word in words if not word.startswith("-")]
    stats = host.stack.stats
    now = {f"Tcp{name}": value for name, value in stats.tcp.values.items()}
    now |= {f"TcpExt{name}": value for name, value in stats.tcp_ext.values.items()}
    if "n" in flags:
        host.counters = now
        return 0, ""
    lines = ["#kernel\n"]
    for name, value in sorted(now.items()):
        delta = value if "a" in flags else value - host.counters.get(name, 0)
        if (delta or "z" in flags) and (not names or name in names):
            lines.append(f"{name:<32}{delta:<16} 0.0\n")
    if "s" not in flags:
        host.counters = now
    return 0, "".join(lines)
