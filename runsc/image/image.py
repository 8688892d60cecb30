"""An image: its layers and its configuration, from an OCI layout (image-layout.md) or what `docker save` writes."""

from __future__ import annotations

import re
from typing import Final

from runsc.failure import RuntimeFailure
from runsc.image.store import Store, read_object

ARCHITECTURE: Final = "amd64"
DEPTH_MOST: Final = 3  # of an index in an index
LAYERS_MOST: Final = 512
NAMES: Final = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


class Image:
    """`layers`: name in the store and digest (empty: not known), the lowest first. `config`: what to run, and how."""

    def __init__(self, layers: list[tuple[str, str]], config: dict[str, object]) -> None:
        self.layers = layers
        self.config = config


def find_image(store: Store, wanted: str) -> Image | None:
    """The image in there, that of the name `wanted` unless it is empty; None when it is no image. RuntimeFailure."""
    if store.has("oci-layout") and store.has("index.json"):
        return _of_layout(store, wanted)
    if store.has("manifest.json"):
        return _of_docker(store, wanted)
    return None


# --- what documents hold, typed ---


def _objects(document: dict[str, object], name: str) -> list[dict[str, object]]:
    value = document.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(document: dict[str, object], name: str) -> dict[str, object]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def texts(document: dict[str, object], name: str) -> list[str]:
    """A list of strings; empty when there is none."""
    value = document.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text(document: dict[str, object], name: str) -> str:
    """A string; empty when there is none."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


# --- an OCI layout ---


def _blob(descriptor: dict[str, object]) -> tuple[str, str]:
    digest = text(descriptor, "digest")
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise RuntimeFailure(f"image: digest {digest!r} is none of SHA-256")
    return f"blobs/sha256/{match[1]}", digest


def _of_layout(store: Store, wanted: str) -> Image:
    found = _manifests(store, read_object(store, "index.json"), "", DEPTH_MOST)
    named = {name: descriptor for name, descriptor in found if not wanted or wanted == name}
    different = {text(descriptor, "digest"): descriptor for descriptor in named.values()}
    if len(different) != 1:
        raise _not_one([name for name, _ in found], wanted)
    manifest = read_object(store, *_blob(different.popitem()[1]))
    layers = [_blob(layer) for layer in _objects(manifest, "layers")]
    return _checked(layers, read_object(store, *_blob(_object(manifest, "config"))))


def _manifests(store: Store, index: dict[str, object], name: str, depth: int) -> list[tuple[str, dict[str, object]]]:
    """Those for this kind of machine, with their names."""
    found: list[tuple[str, dict[str, object]]] = []
    for descriptor in _objects(index, "manifests"):
        notes, platform = _object(descriptor, "annotations"), _object(descriptor, "platform")
        own = next((text(notes, key) for key in NAMES if text(notes, key)), name)
        if text(descriptor, "mediaType").endswith(("image.index.v1+json", "manifest.list.v2+json")):
            if depth == 0:
                raise RuntimeFailure("image: an index in an index in an index")
            found += _manifests(store, read_object(store, *_blob(descriptor)), own, depth - 1)
        elif not platform or (text(platform, "os"), text(platform, "architecture")) == ("linux", ARCHITECTURE):
            found.append((own, descriptor))
    return found


# --- docker save ---


def _of_docker(store: Store, wanted: str) -> Image:
    images = _objects(read_object(store, "manifest.json"), "images")
    tags = [tag for image in images for tag in texts(image, "RepoTags") or [""]]
    chosen = [image for image in images if not wanted or wanted in texts(image, "RepoTags")]
    if len(chosen) != 1:
        raise _not_one(tags, wanted)
    layers = [(name, "") for name in texts(chosen[0], "Layers")]
    return _checked(layers, read_object(store, text(chosen[0], "Config")))


def _not_one(names: list[str], wanted: str) -> RuntimeFailure:
    known = ", ".join(sorted({name for name in names if name})) or "images without names"
    if not names:
        return RuntimeFailure(f"no image for linux/{ARCHITECTURE} in there")
    return RuntimeFailure(f"no image {wanted!r} in there; known: {known}" if wanted else f"--image: which? {known}")


def _checked(layers: list[tuple[str, str]], config: dict[str, object]) -> Image:
    """RuntimeFailure for one of another kind of machine."""
    kind = text(config, "os") or "linux", text(config, "architecture") or ARCHITECTURE
    if kind != ("linux", ARCHITECTURE):
        raise RuntimeFailure(f"the image is for {kind[0]}/{kind[1]}, this machine is linux/{ARCHITECTURE}")
    if not layers or len(layers) > LAYERS_MOST:
        raise RuntimeFailure(f"the image has {len(layers)} layers, which is not 1 to {LAYERS_MOST}")
    return Image(layers, _object(config, "config"))
