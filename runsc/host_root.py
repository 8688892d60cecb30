"""The host's own root as a sandbox's root: what of it is not shown unless it is given.

Homes, run-time state, and places where keys and passwords lie. Masked directories are empty inside,
masked files do not exist.
"""

from __future__ import annotations

import os
from typing import Final

# Directories and files, absolute; those that are not there cost nothing.
MASKED: Final = (
    "/root",
    "/home",
    "/run",
    "/tmp",
    "/lost+found",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/security/opasswd",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_dsa_key",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/etc/machine-id",
    "/etc/wireguard",
    "/etc/wpa_supplicant",
    "/etc/NetworkManager/system-connections",
    "/etc/ppp/chap-secrets",
    "/etc/ppp/pap-secrets",
    "/etc/openvpn",
    "/etc/docker",
    "/etc/containerd",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/boto.cfg",
    "/etc/cloud",
    "/etc/google",
    "/etc/azure",
    "/etc/netrc",
    "/var/lib/cloud",
    "/var/lib/waagent",
    "/var/lib/amazon",
    "/var/lib/google",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/lxd",
    "/var/lib/lxc",
    "/var/lib/systemd",
    "/var/lib/NetworkManager",
    "/var/lib/private",
    "/var/lib/sss",
    "/var/lib/tailscale",
    "/var/spool/cron",
    "/var/log",
    "/var/mail",
    "/var/spool/mail",
    "/var/backups",
)
FIRST_USER: Final = 1000
NOBODY: Final = 65534


def homes(passwd: str) -> list[str]:
    """Home directories of people in a passwd(5) text."""
    found = []
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdigit() and FIRST_USER <= int(fields[2]) < NOBODY:
            home = os.path.normpath(fields[5])
            if home.startswith("/") and home not in ("/", "/nonexistent", "/usr", "/bin", "/var", "/dev", "/etc"):
                found.append(home)
    return found


def masked_paths() -> tuple[str, ...]:
    """Everything of this host that is not shown."""
    try:
        with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
            more = homes(file.read())
    except OSError:
        more = []
    more = [home for home in more if not is_masked(home, MASKED)]
    return MASKED + tuple(dict.fromkeys(more))


def is_masked(path: str, masked: tuple[str, ...]) -> bool:
    """`path` is one of `masked` or below one."""
    return any(path == mask or path.startswith(mask + "/") for mask in masked)
