"""Masks: which paths of the lower layer are not shown."""

from __future__ import annotations


class MaskNode:
    """What is known about one directory of the lower layer.

    `hidden`: it does not exist. `only`: nothing of it is shown but `children`. `patterns`: names that are
    hidden, each with at most one `*`.
    """

    __slots__ = ("hidden", "only", "children", "patterns")

    def __init__(self) -> None:
        self.hidden = False
        self.only = False
        self.children: dict[bytes, MaskNode] = {}
        self.patterns: list[tuple[bytes, bytes]] = []

    def shows(self, name: bytes) -> bool:
        """The lower entry `name` of this directory is visible."""
        child = self.children.get(name)
        if child is not None:
            return not child.hidden
        if self.only:
            return False
        for head, tail in self.patterns:
            if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
                return False
        return True


class Masks:
    """Built before the root is; absolute paths."""

    def __init__(self) -> None:
        self.root = MaskNode()

    def _node(self, path: bytes) -> MaskNode:
        node = self.root
        for name in path.split(b"/"):
            if name:
                node = node.children.setdefault(name, MaskNode())
        return node

    def hide(self, path: bytes) -> None:
        """The path does not exist. Its last component may hold one `*`."""
        parent, _, last = path.rpartition(b"/")
        if b"*" in last:
            head, _, tail = last.partition(b"*")
            self._node(parent).patterns.append((head, tail))
        else:
            self._node(path).hidden = True

    def empty(self, path: bytes) -> None:
        """A directory that is shown without what is in it."""
        self._node(path).only = True

    def allow(self, path: bytes) -> None:
        """Show this path, and the way to it, although something above it is hidden or empty; nothing else of
        the directories on the way."""
        node = self.root
        covered = False
        parts = [name for name in path.split(b"/") if name]
        for name in parts:
            covered = covered or node.only
            node = node.children.setdefault(name, MaskNode())
            if node.hidden:
                node.hidden = False
                node.only = True
            node.only = node.only or covered
        node.only = False


def default_masks(keep: tuple[bytes, ...] = ()) -> Masks:
    """What a sandbox over the host's own root must not show: homes, /run, secrets. `keep`: paths shown all
    the same, such as a working directory."""
    masks = Masks()
    for path in (b"/root", b"/home", b"/run", b"/var/run", b"/tmp", b"/var/tmp", b"/mnt", b"/media", b"/boot"):
        masks.empty(path)
    for path in (b"/proc", b"/sys", b"/dev", b"/lost+found", b"/var/lib/private", b"/var/lib/docker"):
        masks.empty(path)
    for path in (b"/var/spool/cron", b"/var/mail", b"/var/spool/mail", b"/var/backups", b"/etc/ssl/private"):
        masks.empty(path)
    for path in (b"/var/lib/containerd", b"/var/lib/kubelet", b"/var/lib/cloud", b"/var/log", b"/etc/kubernetes"):
        masks.empty(path)
    for path in (b"/etc/shadow*", b"/etc/gshadow*", b"/etc/ssh/ssh_host_*", b"/etc/sudoers*", b"/etc/krb5.keytab*"):
        masks.hide(path)
    for path in (b"/etc/boto.cfg", b"/etc/google_*", b"/etc/machine-id", b"/.dockerenv", b"/swapfile*"):
        masks.hide(path)
    for path in (b"/etc/NetworkManager/system-connections", b"/etc/wireguard", b"/etc/openvpn", b"/etc/letsencrypt"):
        masks.empty(path)
    for path in keep:
        masks.allow(path)
    return masks
