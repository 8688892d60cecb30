"""The closed set of errors a stack answers with, and the reasons why it drops packets.

The stack knows no errno: `tcpip.errno_map` and the sandbox turn a `NetError` into one.
"""

from __future__ import annotations

from typing import Final


class NetError:
    """One way in which a call on an endpoint fails. Compare by identity with this module's constants."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


class NetworkError(Exception):
    """An endpoint call failed with `error`. Make a new one for every raise: tracebacks grow."""

    __slots__ = ("error",)

    def __init__(self, error: NetError) -> None:
        super().__init__(error.text)
        self.error = error


ADDRESS_FAMILY_NOT_SUPPORTED: Final = NetError("ADDRESS_FAMILY_NOT_SUPPORTED", "address family not supported")
ADDRESS_IN_USE: Final = NetError("ADDRESS_IN_USE", "address already in use")
ADDRESS_NOT_AVAILABLE: Final = NetError("ADDRESS_NOT_AVAILABLE", "cannot assign requested address")
ALREADY_CONNECTED: Final = NetError("ALREADY_CONNECTED", "endpoint is already connected")
ALREADY_IN_PROGRESS: Final = NetError("ALREADY_IN_PROGRESS", "connection attempt already in progress")
BAD_ADDRESS_LENGTH: Final = NetError("BAD_ADDRESS_LENGTH", "address has the wrong length")
BROADCAST_NOT_ALLOWED: Final = NetError("BROADCAST_NOT_ALLOWED", "broadcast not allowed on this endpoint")
BROKEN_PIPE: Final = NetError("BROKEN_PIPE", "broken pipe")
CONNECTION_ABORTED: Final = NetError("CONNECTION_ABORTED", "connection aborted")
CONNECTION_REFUSED: Final = NetError("CONNECTION_REFUSED", "connection refused")
CONNECTION_RESET: Final = NetError("CONNECTION_RESET", "connection reset by peer")
CONNECT_STARTED: Final = NetError("CONNECT_STARTED", "connection attempt started")
DESTINATION_REQUIRED: Final = NetError("DESTINATION_REQUIRED", "destination address required")
DOMAIN_ERROR: Final = NetError("DOMAIN_ERROR", "value out of range")
FILE_EXISTS: Final = NetError("FILE_EXISTS", "it is there already")
FILE_TOO_LARGE: Final = NetError("FILE_TOO_LARGE", "number too large")
HOST_DOWN: Final = NetError("HOST_DOWN", "host is down")
HOST_UNREACHABLE: Final = NetError("HOST_UNREACHABLE", "no route to host")
INVALID_ARGUMENT: Final = NetError("INVALID_ARGUMENT", "invalid argument")
MESSAGE_TOO_LONG: Final = NetError("MESSAGE_TOO_LONG", "message too long")
NETWORK_DOWN: Final = NetError("NETWORK_DOWN", "network is down")
NETWORK_UNREACHABLE: Final = NetError("NETWORK_UNREACHABLE", "network is unreachable")
NOT_CONNECTED: Final = NetError("NOT_CONNECTED", "endpoint is not connected")
NOT_PERMITTED: Final = NetError("NOT_PERMITTED", "operation not permitted")
NOT_SUPPORTED: Final = NetError("NOT_SUPPORTED", "operation not supported")
NO_BUFFER_SPACE: Final = NetError("NO_BUFFER_SPACE", "no buffer space available")
NO_SUCH_ADDRESS: Final = NetError("NO_SUCH_ADDRESS", "no such device or address")
NO_SUCH_DEVICE: Final = NetError("NO_SUCH_DEVICE", "no such device")
NO_SUCH_FILE: Final = NetError("NO_SUCH_FILE", "no such file or directory")
NO_SUCH_OPTION: Final = NetError("NO_SUCH_OPTION", "protocol option not available")
NO_SUCH_PROCESS: Final = NetError("NO_SUCH_PROCESS", "no such entry")
OUT_OF_RANGE: Final = NetError("OUT_OF_RANGE", "number out of range")
PERMISSION_DENIED: Final = NetError("PERMISSION_DENIED", "permission denied")
PROTOCOL_ERROR: Final = NetError("PROTOCOL_ERROR", "protocol error")
PROTOCOL_NOT_SUPPORTED: Final = NetError("PROTOCOL_NOT_SUPPORTED", "protocol not supported")
PROTOCOL_UNREACHABLE: Final = NetError("PROTOCOL_UNREACHABLE", "protocol not available at the destination")
TIMED_OUT: Final = NetError("TIMED_OUT", "connection timed out")
TOO_MANY_MEMBERSHIPS: Final = NetError("TOO_MANY_MEMBERSHIPS", "too many group memberships")
WOULD_BLOCK: Final = NetError("WOULD_BLOCK", "operation would block")


class DropReason:
    """Why a packet went no further: keys of `Stats.drops`, and what `Malformed` carries."""

    TRUNCATED: Final = "truncated"
    BAD_VERSION: Final = "bad-version"
    BAD_HEADER_LENGTH: Final = "bad-header-length"
    BAD_LENGTH: Final = "bad-length"
    BAD_CHECKSUM: Final = "bad-checksum"
    BAD_OPTION: Final = "bad-option"
    BAD_EXTENSION_HEADER: Final = "bad-extension-header"
    BAD_HOP_LIMIT: Final = "bad-hop-limit"
    BAD_SOURCE: Final = "bad-source"
    BAD_FIELD: Final = "bad-field"
    BAD_FRAGMENT: Final = "bad-fragment"
    FRAGMENT_OVERLAP: Final = "fragment-overlap"
    FRAGMENT_LIMIT: Final = "fragment-limit"
    FRAGMENT_TIMEOUT: Final = "fragment-timeout"
    UNKNOWN_ETHERTYPE: Final = "unknown-ethertype"
    UNKNOWN_PROTOCOL: Final = "unknown-protocol"
    UNKNOWN_MESSAGE: Final = "unknown-message"
    NOT_FOR_US: Final = "not-for-us"
    NO_ENDPOINT: Final = "no-endpoint"
    SOURCE_ROUTED: Final = "source-routed"
    QUEUE_FULL: Final = "queue-full"
    NIC_DOWN: Final = "nic-down"
    NO_ROUTE: Final = "no-route"
    NEIGHBOR_UNREACHABLE: Final = "neighbor-unreachable"
    NEIGHBOR_QUEUE_FULL: Final = "neighbor-queue-full"
    TTL_EXPIRED: Final = "ttl-expired"
    TOO_BIG: Final = "too-big"
    RATE_LIMITED: Final = "rate-limited"
    FILTERED: Final = "filtered"
    CONNECTION_TABLE_FULL: Final = "connection-table-full"
    REVERSE_PATH: Final = "reverse-path"
    LINK_ERROR: Final = "link-error"
    IMPAIRED: Final = "impaired"


class Malformed(Exception):
    """Bytes that are not what they claim to be; `reason` is a `DropReason`. Caught once per layer."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
