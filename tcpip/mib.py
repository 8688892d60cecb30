"""The names of Linux's counters, group by group and in its order (net/ipv4/proc.c, net/ipv6/proc.c of 6.6)."""

from __future__ import annotations

from typing import Final

_REASSEMBLY: Final = "ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates"

IP: Final = (
    "InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards "
    f"OutNoRoutes {_REASSEMBLY}"
)

_TRAFFIC: Final = "InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets"

ECN: Final = ("InNoECTPkts", "InECT1Pkts", "InECT0Pkts", "InCEPkts")
"""By the lower two bits of the type of service (RFC 3168 5)."""

IP_EXT: Final = (
    f"InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts {_TRAFFIC} "
    f"InCsumErrors {' '.join(ECN)} ReasmOverlaps"
)

IP6: Final = (
    "InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards InDelivers "
    f"OutForwDatagrams OutRequests OutDiscards OutNoRoutes {_REASSEMBLY} InMcastPkts OutMcastPkts {_TRAFFIC} {' '.join(ECN)}"
)

ICMP_KINDS: Final = {
    3: "DestUnreachs",
    11: "TimeExcds",
    12: "ParmProbs",
    4: "SrcQuenchs",
    5: "Redirects",
    8: "Echos",
    0: "EchoReps",
    13: "Timestamps",
    14: "TimestampReps",
    17: "AddrMasks",
    18: "AddrMaskReps",
}

ICMP6_KINDS: Final = {
    1: "DestUnreachs",
    2: "PktTooBigs",
    3: "TimeExcds",
    4: "ParmProblems",
    128: "Echos",
    129: "EchoReplies",
    130: "GroupMembQueries",
    131: "GroupMembResponses",
    132: "GroupMembReductions",
    133: "RouterSolicits",
    134: "RouterAdvertisements",
    135: "NeighborSolicits",
    136: "NeighborAdvertisements",
    137: "Redirects",
    143: "MLDv2Reports",
}


def _each(direction: str, kinds: dict[int, str]) -> str:
    return " ".join([direction + name for name in kinds.values()])


ICMP: Final = (
    f"InMsgs InErrors InCsumErrors {_each('In', ICMP_KINDS)} "
    f"OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost {_each('Out', ICMP_KINDS)}"
)

ICMP6: Final = (
    "InMsgs InErrors OutMsgs OutErrors InCsumErrors OutRateLimitHost "
    f"{_each('In', ICMP6_KINDS)} {_each('Out', ICMP6_KINDS)}"
)

TCP: Final = (
    "ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors"
)

UDP: Final = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors"

TCP_EXT: Final = (
    "SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned OutOfWindowIcmps "
    "LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab BeyondWindow DelayedACKs DelayedACKLocked DelayedACKLost "
    "ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging "
    "TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit "
    "TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts TCPLossProbes "
    "TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed TCPBacklogCoalesce TCPDSACKOldSent "
    "TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout "
    "TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld "
    "TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged "
    "TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter "
    "TCPTimeWaitOverflow TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop "
    "TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail TCPFastOpenPassive "
    "TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd TCPFastOpenBlackhole "
    "TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking TCPFromZeroWindowAdv TCPToZeroWindowAdv "
    "TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect TCPHystartTrainCwnd TCPHystartDelayDetect "
    "TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq TCPACKSkippedFinWait2 "
    "TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail TCPMTUPSuccess TCPDelivered "
    "TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop TCPWqueueTooBig TCPFastOpenPassiveAltKey "
    "TcpTimeoutRehash TcpDuplicateDataRehash TCPDSACKRecvSegs TCPDSACKIgnoredDubious TCPMigrateReqSuccess "
    "TCPMigrateReqFailure TCPPLBRehash"
)
