"""config.json from parsed JSON to `Spec`; every type error is noted with its path."""

from __future__ import annotations

from typing import Final

from runsc.spec.reader import INT64, UINT64, Json, Object, Problems, kind_of
from runsc.spec.types import Mount, Namespace, Process, Rlimit, Spec

ID_MAX: Final = 0xFFFFFFFE


def decode(document: Json, problems: Problems) -> Spec:
    """What could be read; what could not is in `problems`."""
    spec = Spec()
    if not isinstance(document, dict):
        problems.add("config.json", f"must be an object, is {kind_of(document)}")
        return spec
    top = Object("", document, problems)
    if top.require("ociVersion"):
        spec.oci_version = top.text("ociVersion")
    if top.require("root"):
        root = top.child("root")
        if root is not None:
            root.require("path")
            spec.root_path = root.text("path")
            spec.root_readonly = root.flag("readonly")
    if top.require("process"):
        process = top.child("process")
        if process is not None:
            spec.process = decode_process(process)
    spec.hostname = top.text("hostname")
    spec.mounts = [decode_mount(mount) for mount in top.children("mounts")]
    hooks = top.child("hooks")
    if hooks is not None:
        for name in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
            if hooks.children(name):
                spec.unsupported.append(hooks.at(name))
    linux = top.child("linux")
    if linux is not None:
        decode_linux(linux, spec)
    return spec


def decode_process(o: Object) -> Process:
    """process."""
    process = Process()
    process.terminal = o.flag("terminal")
    o.require("args")
    process.args = o.texts("args")
    process.env = o.texts("env")
    o.require("cwd")
    process.cwd = o.text("cwd")
    process.no_new_privileges = o.flag("noNewPrivileges")
    user = o.child("user")
    if user is not None:
        process.uid = user.number("uid", 0, ID_MAX)
        process.gid = user.number("gid", 0, ID_MAX)
        process.umask = user.number("umask", 0, 0o777, 0o022)
        process.additional_gids = user.numbers("additionalGids", ID_MAX)
    console = o.child("consoleSize")
    if console is not None:
        process.rows = console.number("height", 0, 65535)
        process.columns = console.number("width", 0, 65535)
    for limit in o.children("rlimits"):
        limit.require("type")
        soft, hard = limit.number("soft", 0, UINT64 - 1), limit.number("hard", 0, UINT64 - 1)
        process.rlimits.append(Rlimit(limit.text("type"), soft, hard))
    capabilities = o.child("capabilities")
    if capabilities is not None:
        sets = ("bounding", "effective", "inheritable", "permitted", "ambient")
        process.capabilities = {name: capabilities.texts(name) for name in sets}
    return process


def decode_mount(o: Object) -> Mount:
    """mounts[]."""
    o.require("destination")
    return Mount(o.text("destination"), o.text("type"), o.text("source"), o.texts("options"))


def decode_linux(o: Object, spec: Spec) -> None:
    """linux."""
    for namespace in o.children("namespaces"):
        namespace.require("type")
        spec.namespaces.append(Namespace(namespace.text("type"), namespace.text("path")))
    spec.masked_paths = o.texts("maskedPaths")
    spec.readonly_paths = o.texts("readonlyPaths")
    resources = o.child("resources")
    if resources is not None:
        memory = resources.child("memory")
        if memory is not None:
            spec.memory_limit = max(0, memory.number("limit", -1, INT64 - 1))
        pids = resources.child("pids")
        if pids is not None:
            spec.pids_limit = max(0, pids.number("limit", -1, INT64 - 1))
        for name in ("cpu", "blockIO", "hugepageLimits", "network", "rdma", "unified"):
            if resources.has(name):
                spec.unsupported.append(resources.at(name))
    for name in ("seccomp", "uidMappings", "gidMappings", "sysctl", "intelRdt", "devices"):
        if o.has(name):
            spec.unsupported.append(o.at(name))
