"""Sets of strings of ETHTOOL_MSG_STRSET_GET that are the same for every device, by ETH_SS_* (include/uapi/linux/ethtool.h): the names of
bits in the family's other messages, as Linux 6.6 has them."""

from __future__ import annotations

from typing import Final

FEATURES: Final = 4
LINK_MODES: Final = 9
MESSAGES: Final = 10
TIMESTAMPING: Final = 12

# Names have no blanks; - stands for a bit without one.
_NAMES: Final = {
    4: (  # features
        "tx-scatter-gather tx-checksum-ipv4 - tx-checksum-ip-generic tx-checksum-ipv6 highdma "
        "tx-scatter-gather-fraglist tx-vlan-hw-insert rx-vlan-hw-parse rx-vlan-filter vlan-challenged "
        "tx-generic-segmentation tx-lockless netns-local rx-gro rx-lro tx-tcp-segmentation tx-gso-robust "
        "tx-tcp-ecn-segmentation tx-tcp-mangleid-segmentation tx-tcp6-segmentation tx-fcoe-segmentation "
        "tx-gre-segmentation tx-gre-csum-segmentation tx-ipxip4-segmentation tx-ipxip6-segmentation "
        "tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation tx-gso-partial tx-tunnel-remcsum-segmentation "
        "tx-sctp-segmentation tx-esp-segmentation - tx-udp-segmentation tx-gso-list tx-checksum-fcoe-crc "
        "tx-checksum-sctp fcoe-mtu rx-ntuple-filter rx-hashing rx-checksum tx-nocache-copy loopback rx-fcs rx-all "
        "tx-vlan-stag-hw-insert rx-vlan-stag-hw-parse rx-vlan-stag-filter l2-fwd-offload hw-tc-offload "
        "esp-hw-offload esp-tx-csum-hw-offload rx-udp_tunnel-port-offload tls-hw-tx-offload tls-hw-rx-offload "
        "rx-gro-hw tls-hw-record rx-gro-list macsec-hw-offload rx-udp-gro-forwarding hsr-tag-ins-offload "
        "hsr-tag-rm-offload hsr-fwd-offload hsr-dup-offload"
    ),
    5: (  # hash functions
        "toeplitz xor crc32"
    ),
    6: (  # tunables
        "Unspec rx-copybreak tx-copybreak pfc-prevention-tout tx-copybreak-buf-size"
    ),
    8: (  # tunables of a PHY
        "Unspec phy-downshift phy-fast-link-down phy-energy-detect-power-down"
    ),
    9: (  # modes of a link
        "10baseT/Half 10baseT/Full 100baseT/Half 100baseT/Full 1000baseT/Half 1000baseT/Full Autoneg TP AUI MII "
        "FIBRE BNC 10000baseT/Full Pause Asym_Pause 2500baseX/Full Backplane 1000baseKX/Full 10000baseKX4/Full "
        "10000baseKR/Full 10000baseR_FEC 20000baseMLD2/Full 20000baseKR2/Full 40000baseKR4/Full 40000baseCR4/Full "
        "40000baseSR4/Full 40000baseLR4/Full 56000baseKR4/Full 56000baseCR4/Full 56000baseSR4/Full "
        "56000baseLR4/Full 25000baseCR/Full 25000baseKR/Full 25000baseSR/Full 50000baseCR2/Full 50000baseKR2/Full "
        "100000baseKR4/Full 100000baseSR4/Full 100000baseCR4/Full 100000baseLR4_ER4/Full 50000baseSR2/Full "
        "1000baseX/Full 10000baseCR/Full 10000baseSR/Full 10000baseLR/Full 10000baseLRM/Full 10000baseER/Full "
        "2500baseT/Full 5000baseT/Full None RS BASER 50000baseKR/Full 50000baseSR/Full 50000baseCR/Full "
        "50000baseLR_ER_FR/Full 50000baseDR/Full 100000baseKR2/Full 100000baseSR2/Full 100000baseCR2/Full "
        "100000baseLR2_ER2_FR2/Full 100000baseDR2/Full 200000baseKR4/Full 200000baseSR4/Full "
        "200000baseLR4_ER4_FR4/Full 200000baseDR4/Full 200000baseCR4/Full 100baseT1/Full 1000baseT1/Full "
        "400000baseKR8/Full 400000baseSR8/Full 400000baseLR8_ER8_FR8/Full 400000baseDR8/Full 400000baseCR8/Full "
        "LLRS 100000baseKR/Full 100000baseSR/Full 100000baseLR_ER_FR/Full 100000baseCR/Full 100000baseDR/Full "
        "200000baseKR2/Full 200000baseSR2/Full 200000baseLR2_ER2_FR2/Full 200000baseDR2/Full 200000baseCR2/Full "
        "400000baseKR4/Full 400000baseSR4/Full 400000baseLR4_ER4_FR4/Full 400000baseDR4/Full 400000baseCR4/Full "
        "100baseFX/Half 100baseFX/Full 10baseT1L/Full 800000baseCR8/Full 800000baseKR8/Full 800000baseDR8/Full "
        "800000baseDR8_2/Full 800000baseSR8/Full 800000baseVR8/Full 10baseT1S/Full 10baseT1S/Half "
        "10baseT1S_P2MP/Half"
    ),
    10: (  # classes of messages
        "drv probe link timer ifdown ifup rx_err tx_err tx_queued intr tx_done rx_status pktdata hw wol"
    ),
    11: (  # what wakes
        "phy ucast mcast bcast arp magic magicsecure filter"
    ),
    12: (  # SOF_TIMESTAMPING_*
        "hardware-transmit software-transmit hardware-receive software-receive software-system-clock "
        "hardware-legacy-clock hardware-raw-clock option-id sched-transmit ack-transmit option-cmsg option-tsonly "
        "option-stats option-pktinfo option-tx-swhw bind-phc option-id-tcp"
    ),
    13: (  # times of what is sent
        "off on onestep-sync onestep-p2p"
    ),
    14: (  # times of what is received
        "none all some ptpv1-l4-event ptpv1-l4-sync ptpv1-l4-delay-req ptpv2-l4-event ptpv2-l4-sync "
        "ptpv2-l4-delay-req ptpv2-l2-event ptpv2-l2-sync ptpv2-l2-delay-req ptpv2-event ptpv2-sync ptpv2-delay-req "
        "ntp-all"
    ),
    15: (  # tunnels
        "vxlan geneve vxlan-gpe"
    ),
    16: (  # groups of statistics
        "eth-phy eth-mac eth-ctrl rmon"
    ),
    17: (  # IEEE 802.3 PHY
        "SymbolErrorDuringCarrier"
    ),
    18: (  # MAC
        "FramesTransmittedOK SingleCollisionFrames MultipleCollisionFrames FramesReceivedOK "
        "FrameCheckSequenceErrors AlignmentErrors OctetsTransmittedOK FramesWithDeferredXmissions LateCollisions "
        "FramesAbortedDueToXSColls FramesLostDueToIntMACXmitError CarrierSenseErrors OctetsReceivedOK "
        "FramesLostDueToIntMACRcvError MulticastFramesXmittedOK BroadcastFramesXmittedOK "
        "FramesWithExcessiveDeferral MulticastFramesReceivedOK BroadcastFramesReceivedOK InRangeLengthErrors "
        "OutOfRangeLengthField FrameTooLongErrors"
    ),
    19: (  # MAC control
        "MACControlFramesTransmitted MACControlFramesReceived UnsupportedOpcodesReceived"
    ),
    20: (  # RMON
        "etherStatsUndersizePkts etherStatsOversizePkts etherStatsFragments etherStatsJabbers"
    ),
}


def strings(number: int) -> list[str] | None:
    """A set; None: there is none of that number, or it is a device's."""
    text = _NAMES.get(number)
    return ["" if name == "-" else name for name in text.split()] if text is not None else None


NUMBERS: Final = tuple(_NAMES)
