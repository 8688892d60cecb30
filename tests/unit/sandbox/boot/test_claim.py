"""The claim to the interfaces of a network namespace."""

from __future__ import annotations

import os
import threading

import pytest

from sandbox.boot import claim


@pytest.fixture(autouse=True)
def name(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of this test's own."""
    monkeypatch.setattr(claim, "NAME", b"\0runsc/test-%d-%s" % (os.getpid(), os.urandom(8).hex().encode()))


def test_the_next_one_has_it_when_the_holder_ends() -> None:
    held = claim.claim()
    got: list[int] = []
    following = threading.Thread(target=lambda: got.append(claim.claim()))
    following.start()
    following.join(0.05)
    assert following.is_alive() and not got
    os.close(held)
    following.join(10)
    assert len(got) == 1 and got[0] >= 0 and not os.get_inheritable(got[0])
    os.close(got[0])


def test_waiting_is_bounded() -> None:
    held = claim.claim()
    with pytest.raises(TimeoutError, match="another sandbox has the interfaces"):
        claim.claim(0.01)
    os.close(held)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_another_users_socket_means_nothing() -> None:
    (said, says), (end, over) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            claim.claim()
            os.write(says, b"1")
            os.close(over)
            os.read(end, 1)
        finally:
            os._exit(0)
    os.close(end)
    assert os.read(said, 1) == b"1"
    assert claim.claim() == -1
    for fd in (said, says, over):
        os.close(fd)
    os.waitpid(pid, 0)
