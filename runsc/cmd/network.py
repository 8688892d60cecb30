"""`runsc network`: a look at a container's network, and changes to it, while it runs."""

from __future__ import annotations

import os
import sys
from typing import Callable, Final

from runsc.cmd.ps import objects
from runsc.config import Config
from runsc.container.container import Container
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import TEXT, Flag, Values
from runsc.log import printable
from runsc.verb import Verb

FLAGS: Final = (
    Flag("interface", TEXT, "NAME", "capture, impair: this one (all but the loopback)", short="i"),
    Flag("direction", TEXT, "WAY", "impair: both, in or out (both)", ("both", "in", "out")),
    Flag("format", TEXT, "FORMAT", "list: table or json", ("table", "json"), short="f"),
)
DETAILS: Final = """list ID                interfaces, routes, rules
capture ID FILE        packets from now on as pcapng, until a signal or the end; - is stdout
impair ID SPEC|off     a bad link: loss=3%,delay=20ms,jitter=5ms,duplicate=1%,reorder=1%,corrupt=1%,rate=10mbit,partition
allow ID RULE…         one more rule of --allow
deny ID RULE…          takes one back"""
RESOLV_CONF: Final = "/etc/resolv.conf"
RESOLV_CONF_MOST: Final = 65536

Action = Callable[[Container, Values, list[str]], None]


def run(config: Config, values: Values, words: list[str]) -> int:
    """One of the actions."""
    if not words or words[0] not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise UsageError(
            f"network: unknown action {words[0]!r}; known: {known}" if words else f"network: what? {known}"
        )
    act, least, most = ACTIONS[words[0]]
    if not least <= len(words) - 2 <= most:
        raise UsageError(f"network {words[0]}: wrong number of arguments; see runsc help network")
    from runsc.container import status
    from runsc.container.container import load

    container = load(config.root, words[1])
    container.check(status.ASK)
    act(container, values, words[2:])
    sys.stdout.flush()
    return 0


def show(container: Container, values: Values, words: list[str]) -> None:
    """list."""
    from sandbox.control import wire

    found = container.call(wire.NETWORK, {"do": "list"})
    if values.text("format") == "json":
        import json

        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    lines = [f"network {found.get('kind')}"]
    for nic in objects(found.get("interfaces")):
        addresses = nic.get("addresses")
        marks = [f"mac {nic['mac']}"] if nic.get("mac") else []
        marks += [] if nic.get("up") else ["down"]
        marks += [f"captures {nic['captures']}"] if nic.get("captures") else []
        marks += [f"impaired {nic['impairment']}"] if nic.get("impairment") else []
        listed = addresses if isinstance(addresses, list) else []
        lines.append(" ".join([f"interface {nic.get('name')} mtu {nic.get('mtu')}", *marks, *map(str, listed)]))
    for route in objects(found.get("routes")):
        via = f" via {route['gateway']}" if route.get("gateway") else ""
        device = f" dev {route['interface']}" if route.get("interface") else ""
        lines.append(f"route {route.get('destination')}{via}{device} metric {route.get('metric')}")
    rules = found.get("rules")
    lines += [f"allow {rule}" for rule in rules] if isinstance(rules, list) else []
    sys.stdout.write("".join(printable(line) + "\n" for line in lines))


def capture(container: Container, values: Values, words: list[str]) -> None:
    """Until the sandbox ends, or a signal this command."""
    from runsc.container.follow import follow
    from sandbox.control import wire

    path = words[0]
    try:
        fd = 1 if path == "-" else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None
    follow(container, wire.NETWORK, {"do": "capture", "interface": values.text("interface")}, fd, path)


def impair(container: Container, values: Values, words: list[str]) -> None:
    """In place of what was before."""
    from sandbox.control import wire

    spec = "" if words[0] == "off" else words[0]
    if not words[0]:
        raise UsageError("network impair: the SPEC is empty; `off` ends an impairment")
    direction = values.text("direction", "both")
    body: dict[str, object] = {"interface": values.text("interface"), "spec": spec, "direction": direction}
    container.call(wire.NETWORK, {"do": "impair", **body})


def allow(container: Container, values: Values, words: list[str]) -> None:
    """Each of the rules."""
    from sandbox.control import wire

    try:
        with open(RESOLV_CONF, encoding="utf-8", errors="replace") as file:
            servers = file.read(RESOLV_CONF_MOST)
    except OSError:
        servers = ""
    for rule in words:
        container.call(wire.NETWORK, {"do": "allow", "rule": rule, "resolv_conf": servers})


def deny(container: Container, values: Values, words: list[str]) -> None:
    """The same."""
    from sandbox.control import wire

    for rule in words:
        container.call(wire.NETWORK, {"do": "deny", "rule": rule})


# What it does; the least and most words behind the id.
ACTIONS: Final[dict[str, tuple[Action, int, int]]] = {
    "list": (show, 0, 0),
    "capture": (capture, 1, 1),
    "impair": (impair, 1, 1),
    "allow": (allow, 1, 256),
    "deny": (deny, 1, 256),
}

VERB: Final = Verb(
    "network",
    "look into a container's network, or change it",
    "[FLAGS] ACTION ID [ARGUMENTS]",
    FLAGS,
    EXIT_FAILURE,
    run,
    DETAILS,
)
