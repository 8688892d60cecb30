"""The kernel's end of a NETLINK_NETFILTER socket: batches, dumps, notifications (net/netfilter/nfnetlink.c).

A batch is done as a whole or not at all; when it fails, every message of it that is wrong is told. Who changes or asks
needs CAP_NET_ADMIN in the network namespace's user namespace.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterable, Iterator

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter import chains, connections, elements, extensions, objects, rules, sets, tables
from sandbox.sockets.netlink.netfilter.attributes import NfError, be32
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables
from sandbox.sockets.netlink.netfilter.connection_watch import Watcher
from tcpip.errors import NetworkError
from tcpip.filter.nft.ruleset import OUT_OF_MEMORY, TOO_DEEP, TOO_MANY_HOOKS, WRONG_HOOK

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request
    from sandbox.sockets.netlink.socket import NetlinkSocket

BATCH_BEGIN: Final = 16
BATCH_END: Final = 17
_GENID: Final = 1
SUBSYS_COMPAT: Final = 11
NETLINK_NETFILTER: Final = 12
GROUP_NFTABLES: Final = 7
_GEN_ID, _GEN_PID, _GEN_NAME = 1, 2, 3

_CHANGES: Final[dict[int, Callable[[Batch, Message], None]]] = {
    b.NEWTABLE: tables.new,
    b.DELTABLE: tables.delete,
    b.NEWCHAIN: chains.new,
    b.DELCHAIN: chains.delete,
    b.NEWRULE: rules.new,
    b.DELRULE: rules.delete,
    b.NEWSET: sets.new,
    b.DELSET: sets.delete,
    b.NEWSETELEM: elements.new,
    b.DELSETELEM: elements.delete,
    b.NEWOBJ: objects.new,
    b.DELOBJ: objects.delete,
}
_GETS: Final[dict[int, tuple[int, Callable[[Nftables, Message], Iterable[bytes]]]]] = {
    b.GETTABLE: (b.NEWTABLE, tables.get),
    b.GETCHAIN: (b.NEWCHAIN, chains.get),
    b.GETRULE: (b.NEWRULE, rules.get),
    b.GETRULE_RESET: (b.NEWRULE, rules.get),
    b.GETSET: (b.NEWSET, sets.get),
    b.GETSETELEM: (b.NEWSETELEM, elements.get),
    b.GETOBJ: (b.NEWOBJ, objects.get),
    b.GETOBJ_RESET: (b.NEWOBJ, objects.get),
}
_ERRNO: Final = {
    OUT_OF_MEMORY: errno.ENOMEM,
    TOO_DEEP: errno.EMLINK,
    WRONG_HOOK: errno.EOPNOTSUPP,
    TOO_MANY_HOOKS: errno.E2BIG,
}


def _kind(message: int) -> int:
    return b.SUBSYS_NFTABLES << 8 | message


def ruleset_of(network: Network) -> Nftables:
    """The namespace's, empty the first time."""
    if network.nftables is None:
        network.nftables = Nftables(network.stack)
        network.on_close(network.nftables.ruleset.close)
    return network.nftables


class Service:
    """One call of sendmsg(2) on such a socket: `port` is the socket's, `capped` and `extended` its NETLINK_CAP_ACK and
    NETLINK_EXT_ACK; `dumping`: it has not read all of a dump. `answers` are the datagrams for it, `dump` those of a dump that has
    begun."""

    def __init__(self, t: Task, network: Network, port: int, capped: bool, extended: bool, dumping: bool) -> None:
        self.task = t
        self.network = network
        self.port = port
        self.capped = capped
        self.extended = extended
        self.answers: list[bytes] = []
        self.dump: Iterator[bytes] | None = None
        self._dumping = dumping

    def receive(self, data: bytes) -> None:
        """All messages of a datagram."""
        requests = list(nl.split(data))
        if not requests:
            return
        if not self.task.creds.has_in(self.network.user(), CAP_NET_ADMIN):
            self._acknowledge(requests[0], errno.EPERM)
        elif requests[0].type == BATCH_BEGIN:
            self._batches(requests)
        else:
            for request in requests:
                self._single(request)

    def _answer(self, datagrams: list[bytes]) -> None:
        self.answers += datagrams

    def _tell(self, request: Request, m: Message, kind: int, bodies: Iterable[bytes]) -> None:
        """Messages of type `kind`: a dump, of which more is made as it is read, or a few."""
        if m.dump:
            request.dumped = True
            self.dump = nl.long_dump(request, self.port, kind, iter(bodies))
        else:
            self._answer([nl.message(kind, 0, request.seq, self.port, body) for body in bodies])

    def _acknowledge(self, request: Request, number: int, offset: int = 0) -> None:
        offset = offset if self.extended else 0
        self._answer([nl.error(request, number, self.port, self.capped, offset)])

    # Single requests.

    def _single(self, request: Request) -> None:
        if not request.flags & nl.NLM_F_REQUEST or request.type < nl.NLMSG_MIN_TYPE:
            if request.flags & nl.NLM_F_ACK:
                self._acknowledge(request, 0)
            return
        number = offset = 0
        try:
            self._get(request)
        except NfError as error:
            number, offset = error.errno, error.offset
        if number or (request.flags & nl.NLM_F_ACK and not request.dumped):
            self._acknowledge(request, number, offset)

    def _get(self, request: Request) -> None:
        nft = ruleset_of(self.network)
        m = Message(request)
        if m.dump and (self._dumping or self.dump is not None):
            raise NfError(errno.EBUSY)
        subsystem = request.type >> 8
        if subsystem == SUBSYS_COMPAT and m.kind == 0:
            body = b.GENMSG.pack(m.family, 0, 0) + extensions.revision_of(m.attributes)
            self._answer([nl.message(request.type, nl.NLM_F_MULTI, request.seq, self.port, body)])
            return
        if subsystem == connections.SUBSYSTEM:
            self._connections(request, m)
            return
        if subsystem != b.SUBSYS_NFTABLES:
            raise NfError(errno.EINVAL)
        if m.kind == b.GETGEN:
            self._answer([nl.message(_kind(b.NEWGEN), 0, request.seq, self.port, _generation(nft))])
            return
        if m.kind == b.GETFLOWTABLE and m.dump:
            self._tell(request, m, _kind(b.NEWTABLE), ())
            return
        if m.kind not in _GETS:
            raise NfError(errno.EINVAL)
        kind, get = _GETS[m.kind]
        self._tell(request, m, _kind(kind), get(nft, m))

    def _connections(self, request: Request, m: Message) -> None:
        watcher = self.network.stack.tracking.watch
        asks = watcher if isinstance(watcher, Watcher) else None
        if asks is not None:
            asks.port = self.port
        try:
            bodies = connections.answer(self.network.stack, m)
        finally:
            if asks is not None:
                asks.port = 0
        own = m.kind in (connections.GET_STATS, connections.STATS_CPU)
        kind = connections.SUBSYSTEM << 8 | (m.kind if own else connections.NEW)
        self._tell(request, m, kind, bodies)

    # Batches.

    def _batches(self, requests: list[Request]) -> None:
        start = 0
        while start < len(requests):
            if requests[start].type != BATCH_BEGIN:
                return
            end = start + 1
            while end < len(requests) and requests[end].type not in (BATCH_BEGIN, BATCH_END):
                end += 1
            complete = end < len(requests) and requests[end].type == BATCH_END
            self._batch(requests[start], requests[start + 1 : end], complete)
            start = end + complete

    def _batch(self, begin: Request, requests: list[Request], complete: bool) -> None:
        nft = ruleset_of(self.network)
        number = self._begin_error(nft, begin)
        if number:
            self._acknowledge(begin, number)
            return
        batch, errors = self._run(nft, requests, check_each=False)
        if not any(number for _, number, _ in errors) and complete:
            number = self._check(nft)
            if number:
                nft.ruleset.abort()
                batch, errors = self._run(nft, requests, check_each=True)
                if not any(found for _, found, _ in errors):
                    errors.append((begin, number, 0))  # it would have taken too long to find out which one it is
        if complete and not any(number for _, number, _ in errors):
            self._commit(nft, batch, begin)
        else:
            nft.ruleset.abort()
        for request, number, offset in errors:
            self._acknowledge(request, number, offset)

    def _check(self, nft: Nftables) -> int:
        """The errno of a ruleset that must not be, or 0."""
        try:
            for table in nft.ruleset.tables.values():
                nft.ruleset.check(table)
        except NetworkError as refusal:
            return _ERRNO[refusal.error]
        return 0

    def _begin_error(self, nft: Nftables, begin: Request) -> int:
        try:
            m = Message(begin)
            subsystem = int.from_bytes(begin.raw[18:20], "big")
            if subsystem != b.SUBSYS_NFTABLES:
                return errno.EOPNOTSUPP
            if _GENID in m.attributes and m.attributes.u32(_GENID) != nft.ruleset.generation & 0xFFFFFFFF:
                return errno.ERESTART
        except NfError as error:
            return error.errno
        return 0

    def _run(
        self, nft: Nftables, requests: list[Request], check_each: bool
    ) -> tuple[Batch, list[tuple[Request, int, int]]]:
        """All steps, and what is to be acknowledged: errors, and successes that are asked about."""
        batch = Batch(nft, check_each, bool(self._listeners()))
        errors: list[tuple[Request, int, int]] = []
        for request in requests:
            number = offset = 0
            try:
                self._change(batch, request)
            except NfError as error:
                number, offset = error.errno, error.offset
            except NetworkError as refusal:
                number = _ERRNO.get(refusal.error) or syscall_error(refusal).errno
            if number or request.flags & nl.NLM_F_ACK:
                errors.append((request, number, offset))
        return batch, errors

    def _change(self, batch: Batch, request: Request) -> None:
        if not request.flags & nl.NLM_F_REQUEST or request.type >> 8 != b.SUBSYS_NFTABLES:
            raise NfError(errno.EINVAL)
        m = Message(request)
        change = _CHANGES.get(m.kind)
        if change is None:
            raise NfError(errno.EOPNOTSUPP if m.kind in (b.NEWFLOWTABLE, b.DELFLOWTABLE) else errno.EINVAL)
        change(batch, m)

    def _commit(self, nft: Nftables, batch: Batch, begin: Request) -> None:
        nft.ruleset.commit()
        for held in batch.touched:
            held.expire()
        nft.ruleset.generation += 1
        nft.pid, nft.program = self.task.pid, self.task.comm.decode("latin-1")
        listeners = self._listeners()
        if not batch.told:
            return
        echo = False
        for kind, flags, body, m in batch.told:
            stamped = body[:2] + (nft.ruleset.generation & 0xFFFF).to_bytes(2, "big") + body[4:]
            datagram = nl.message(_kind(kind), flags, m.seq, self.port, stamped)
            if m.flags & b.NLM_F_ECHO:
                echo = True
                self.answers.append(datagram)
            for socket in listeners:
                socket.deliver(datagram, GROUP_NFTABLES)
        datagram = nl.message(_kind(b.NEWGEN), 0, begin.seq, self.port, _generation(nft))
        if echo:
            self.answers.append(datagram)
        for socket in listeners:
            socket.deliver(datagram, GROUP_NFTABLES)

    def _listeners(self) -> list[NetlinkSocket]:
        ports = self.network.netlink_ports
        return ports.members(NETLINK_NETFILTER, GROUP_NFTABLES) if ports is not None else []


def _generation(nft: Nftables) -> bytes:
    parts = [be32(_GEN_ID, nft.ruleset.generation), be32(_GEN_PID, nft.pid), nl.string(_GEN_NAME, nft.program)]
    return nft.genmsg(0) + b"".join(parts)
