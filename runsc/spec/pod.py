"""Which pod a container belongs to, by the annotations that Kubernetes' runtimes give it."""

from __future__ import annotations

from typing import Final

from runsc.spec.types import Spec

# The kind of the container, and the id of the container whose sandbox it shares: containerd's names, CRI-O's.
ANNOTATIONS: Final = (
    ("io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id"),
    ("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID"),
)
# The container's name in its pod: containerd's annotation, and the kubelet's that CRI-O hands on.
NAMES: Final = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name")


def sandbox_of(spec: Spec) -> str:
    """The container in whose sandbox it is to be; empty when it is to have its own."""
    for kind, sandbox in ANNOTATIONS:
        name = spec.annotations.get(sandbox)
        if spec.annotations.get(kind) == "container" and isinstance(name, str):
            return name
    return ""


def leave_absent(spec: Spec, there: list[str]) -> None:
    """A pod of podman's that has no infra container (`--infra=false`, `--share none`) is named all the same, with CRI-O's
    annotations: its containers are in no sandbox of another's. `there`: the ids of containers."""
    kind, sandbox = ANNOTATIONS[-1]
    if spec.annotations.get(kind) == "container" and spec.annotations.get(sandbox) not in there:
        spec.annotations = {key: value for key, value in spec.annotations.items() if key != sandbox}


def is_pod(spec: Spec) -> bool:
    """It is the one in whose sandbox others are to be."""
    return any(spec.annotations.get(kind) == "sandbox" for kind, _ in ANNOTATIONS)


def label_of(spec: Spec, name: str) -> str:
    """What an image of the pod calls the container: its name in the pod, which lasts, or its id."""
    for key in NAMES:
        found = spec.annotations.get(key)
        if isinstance(found, str) and found:
            return found
    return name
