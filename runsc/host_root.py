"""The host's own root as a sandbox's root: what of it is shown."""

from __future__ import annotations

import os
from typing import Final

from sandbox.fs.overlay.masks import Masks, default_masks

FIRST_USER: Final = 1000
NOBODY: Final = 65534
_NOT_HOMES: Final = ("/", "/nonexistent", "/usr", "/bin", "/sbin", "/var", "/dev", "/etc", "/lib")


def homes(passwd: str) -> list[str]:
    """Home directories of people in a passwd(5) text."""
    found = []
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isascii() and fields[2].isdigit() and FIRST_USER <= int(fields[2]) < NOBODY:
            home = os.path.normpath(fields[5])
            if home.startswith("/") and home not in _NOT_HOMES:
                found.append(home)
    return found


# Where programs of a user keep keys and tokens, in a home directory.
_CREDENTIALS: Final = (
    ".ssh .gnupg .aws .azure .config/gcloud .config/gh .config/rclone .kube .docker .oci .terraform.d .vault-token "
    ".netrc .git-credentials .config/git/credentials .pypirc .npmrc .cargo/credentials .cargo/credentials.toml .pgpass "
    ".my.cnf .boto .s3cfg .password-store .local/share/keyrings .config/op .bash_history .zsh_history .python_history"
).split()


def credential_masks() -> Masks:
    """For a directory that is shown because it was given, which may be somebody's home."""
    masks = Masks()
    for name in _CREDENTIALS:
        masks.hide(os.fsencode(f"/{name}"))
    return masks


def host_masks() -> Masks:
    """Homes, run-time state and places of keys are not shown."""
    masks = default_masks()
    try:
        with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
            for home in homes(file.read()):
                if is_shown(masks, home):
                    masks.empty(os.fsencode(home))
    except OSError:
        pass  # nobody lives here
    own = os.path.normpath(os.environ.get("HOME", "/"))  # a user that /etc/passwd does not know
    if own.startswith("/") and own not in _NOT_HOMES and is_shown(masks, own):
        masks.empty(os.fsencode(own))
    return masks


def is_shown(masks: Masks, path: str) -> bool:
    """Every component of an absolute path is visible, and what is in the last one."""
    node = masks.root
    for name in os.fsencode(path).split(b"/"):
        if not name:
            continue
        if not node.shows(name):
            return False
        child = node.children.get(name)
        if child is None:
            return True
        node = child
    return not node.only
