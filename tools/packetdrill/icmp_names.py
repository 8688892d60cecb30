"""Names of ICMP types and codes, as scripts write them. Source: RFC 792, RFC 1812 5.2.7, RFC 4443."""

from __future__ import annotations

import re
from typing import Final

from tools.packetdrill.errors import ScriptError

Codes = dict[str, int]

_UNREACHABLE_4: Final[Codes] = {
    "net_unreachable": 0,
    "host_unreachable": 1,
    "protocol_unreachable": 2,
    "port_unreachable": 3,
    "frag_needed": 4,
    "source_route_failed": 5,
    "net_unknown": 6,
    "host_unknown": 7,
    "source_host_isolated": 8,
    "net_prohibited": 9,
    "host_prohibited": 10,
    "net_unreachable_for_tos": 11,
    "host_unreachable_for_tos": 12,
    "packet_filtered": 13,
    "precedence_violation": 14,
    "precedence_cutoff": 15,
}
_TYPES_4: Final[dict[str, tuple[int, Codes]]] = {
    "echo_reply": (0, {}),
    "unreachable": (3, _UNREACHABLE_4),
    "source_quench": (4, {}),
    "redirect": (5, {}),
    "echo_request": (8, {}),
    "time_exceeded": (11, {}),
    "parameter_problem": (12, {}),
    "timestamp_request": (13, {}),
    "timestamp_reply": (14, {}),
    "information_request": (15, {}),
    "information_reply": (16, {}),
    "address_mask_request": (17, {}),
    "address_mask_reply": (18, {}),
}
_UNREACHABLE_6: Final[Codes] = {
    "net_unreachable": 0,
    "no_route": 0,
    "admin_prohibited": 1,
    "not_neighbour": 2,
    "address_unreachable": 3,
    "port_unreachable": 4,
}
_TYPES_6: Final[dict[str, tuple[int, Codes]]] = {
    "unreachable": (1, _UNREACHABLE_6),
    "packet_too_big": (2, {}),
    "time_exceeded": (3, {"exceeded_hop_limit": 0, "exceeded_frag_time": 1}),
    "parameter_problem": (4, {"header_field": 0, "unknown_next_header": 1, "unknown_option": 2}),
    "echo_request": (128, {}),
    "echo_reply": (129, {}),
}


def lookup(name: str, code: str, ipv6: bool, line: int) -> tuple[int, int]:
    """Type and code; `type_9` and `code_9` are numbers."""
    number = re.fullmatch(r"type_(\d+)", name)
    types = _TYPES_6 if ipv6 else _TYPES_4
    if number:
        kind, codes = int(number.group(1)), Codes()
    elif name in types:
        kind, codes = types[name]
    else:
        raise ScriptError(f"bad ICMP type {name}", line)
    if not code:
        return kind, 0
    number = re.fullmatch(r"code_(\d+)", code)
    if number:
        return kind, int(number.group(1))
    if code not in codes:
        raise ScriptError(f"bad ICMP code {code}", line)
    return kind, codes[code]
