"""Counters with Linux's MIB names (/proc/net/snmp, netstat, snmp6), and drops by reason."""

from __future__ import annotations

from collections.abc import Callable

from tcpip.buffer import RxPacket, TxPacket

IP = (
    "InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards "
    "OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates"
)
ICMP = (
    "InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InRedirects InEchos InEchoReps "
    "OutMsgs OutErrors OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutRedirects OutEchos OutEchoReps"
)
TCP = (
    "ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors"
)
UDP = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors MemErrors"
TCP_EXT = (
    "SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned "
    "OutOfWindowIcmps TW TWRecycled TWKilled "
    "PAWSActive PAWSEstab DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks "
    "TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPLostRetransmit TCPFastRetrans "
    "TCPSlowStartRetrans TCPTimeouts TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail "
    "TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory "
    "TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures TCPRcvCoalesce TCPOFOQueue TCPOFODrop "
    "TCPChallengeACK TCPSYNChallenge TCPACKSkippedSynRecv TCPSpuriousRTOs TCPReqQFullDoCookies TCPReqQFullDrop "
    "IPReversePathFilter TCPTimeWaitOverflow "
    "TCPToZeroWindowAdv TCPFromZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPKeepAlive "
    "TCPBacklogDrop TCPRcvQDrop TCPDeferAcceptDrop TCPZeroWindowDrop TCPDelivered TCPAckCompressed TCPMinTTLDrop "
    "TCPRcvCollapsed TCPPartialUndo TCPFullUndo TCPLossUndo TCPDSACKUndo TCPSackFailures TCPLossFailures TCPRetransFail "
    "TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMTUPFail TCPMTUPSuccess TCPFastOpenActive TCPFastOpenActiveFail "
    "TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenCookieReqd TcpTimeoutRehash"
)


class Counters:
    """One MIB group. Counts only what is listed in `names`: a misspelt counter is a KeyError."""

    __slots__ = ("values",)

    def __init__(self, names: str) -> None:
        self.values: dict[str, int] = dict.fromkeys(names.split(), 0)

    def inc(self, name: str, by: int = 1) -> None:
        """Count `by` more."""
        self.values[name] += by

    def __getitem__(self, name: str) -> int:
        return self.values[name]


Trace = Callable[[str, RxPacket | TxPacket | None], None]


class Stats:
    """Everything a stack counts. `drops` is keyed by `DropReason`. `trace`, if there is one, is told of each drop: the reason,
    and the packet where one is at hand. It must not call the stack."""

    __slots__ = ("ip", "ip6", "icmp", "icmp6", "tcp", "tcp_ext", "udp", "udp6", "drops", "trace")

    def __init__(self) -> None:
        self.ip = Counters(IP)
        self.ip6 = Counters(IP)
        self.icmp = Counters(ICMP)
        self.icmp6 = Counters(ICMP)
        self.tcp = Counters(TCP)
        self.tcp_ext = Counters(TCP_EXT)
        self.udp = Counters(UDP)
        self.udp6 = Counters(UDP)
        self.drops: dict[str, int] = {}
        self.trace: Trace | None = None

    def drop(self, reason: str, pkt: RxPacket | TxPacket | None = None, count: int = 1) -> None:
        """A packet less (or `count`), and why."""
        self.drops[reason] = self.drops.get(reason, 0) + count
        if self.trace is not None:
            for _ in range(count):
                self.trace(reason, pkt)
