"""Every pair of states: what `NEXT` allows happens, everything else raises."""

from __future__ import annotations

import itertools

import pytest

from tcpip.transport.tcp import state as st
from tests.unit.tcpip.transport.tcp.peer import PeerHost


@pytest.mark.parametrize(("old", "new"), list(itertools.product(st.ALL_STATES, st.ALL_STATES)))
def test_pair(peer: PeerHost, old: int, new: int) -> None:
    endpoint = peer.new_endpoint()
    endpoint.state = old
    if new == old or new in st.NEXT[old]:
        endpoint.set_state(new)
        assert endpoint.state == new
    else:
        with pytest.raises(st.IllegalTransition):
            endpoint.set_state(new)
        assert endpoint.state == old


def test_every_state_can_end() -> None:
    for state in st.ALL_STATES:
        assert state == st.CLOSED or st.CLOSED in st.NEXT[state]
    assert set(st.NEXT) == set(st.NAMES) == set(st.ALL_STATES)
