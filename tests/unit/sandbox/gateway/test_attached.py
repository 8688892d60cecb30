"""The interfaces that a sandbox takes over are never those of the host itself."""

from __future__ import annotations

from typing import Any, NoReturn, cast

import pytest

from sandbox.boot.options import NetworkOptions
from sandbox.gateway import attached, host_interfaces
from sandbox.gateway.networks import NetworkError


@pytest.mark.interpreted  # functions of compiled modules cannot be replaced
@pytest.mark.parametrize("namespace_fd", [-1, 5])
def test_the_hosts_own_namespace_is_refused(namespace_fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> NoReturn:
        pytest.fail("the host's interfaces were taken")

    monkeypatch.setattr(host_interfaces, "in_host_namespace", lambda: True)
    monkeypatch.setattr(host_interfaces, "take_over", taken)
    options = NetworkOptions("sandbox")
    options.namespace_fd = namespace_fd
    nobody = cast(Any, None)
    with pytest.raises(NetworkError, match="is the host's"):
        attached._attach_interfaces(nobody, options, nobody)
