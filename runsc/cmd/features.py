"""`runsc features`: what this runtime knows of config.json, as JSON (features.md of the OCI specification)."""

from __future__ import annotations

import sys
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import Values
from runsc.spec import decode, mount_options, seccomp, validate
from runsc.spec.types import CAPABILITIES, HOOK_KINDS
from runsc.verb import Verb
from runsc.version import OCI_VERSION, VERSION


def features() -> dict[str, object]:
    """The document. Annotations name what is accepted without effect, each in one line of the log too."""
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": list(HOOK_KINDS),
        "mountOptions": sorted(mount_options.MOUNT_OPTIONS),
        "linux": {
            "namespaces": list(validate.NAMESPACE_KINDS),
            "capabilities": list(CAPABILITIES),
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": list(seccomp.ACTIONS),
                "operators": list(seccomp.OPERATORS),
                "archs": list(seccomp.ARCHES),
                "knownFlags": list(seccomp.FLAGS),
                "supportedFlags": list(seccomp.FLAGS),
            },
            "apparmor": {"enabled": False},
            "selinux": {"enabled": False},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
            "netDevices": {"enabled": False},
        },
        "annotations": {
            "io.stackbox.runsc.version": VERSION,
            "io.stackbox.runsc.not-applied": ",".join(not_applied()),
        },
        "potentiallyUnsafeConfigAnnotations": [],
    }


def not_applied() -> list[str]:
    """JSON paths that are read and have no effect."""
    return [
        *(f"process.{name}" for name in decode.UNSUPPORTED_PROCESS),
        *(f"linux.{name}" for name in decode.UNSUPPORTED_LINUX),
        *(f"linux.resources.memory.{name}" for name in decode.UNSUPPORTED_MEMORY),
    ]


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout."""
    if words:
        raise UsageError(f"features takes no arguments: {words[0]!r}")
    import json

    sys.stdout.write(json.dumps(features(), indent=2) + "\n")
    sys.stdout.flush()
    return 0


VERB: Final = Verb("features", "print what of config.json is supported", "", (), EXIT_FAILURE, run)
