"""config.json from parsed JSON to `Spec`; every type error is noted with its path."""

from __future__ import annotations

from typing import Final

from runsc.spec.reader import INT64, UINT64, Json, Object, Problems, kind_of
from runsc.spec.seccomp import compile_filter
from runsc.spec.types import CAPABILITIES, HOOK_KINDS, Device, Hook, Mount, Namespace, Process, Rlimit, Spec

ID_MAX: Final = 0xFFFFFFFE
UINT32: Final = 0xFFFFFFFF
# Listed by `features` and in the log: a container runs without them.
UNSUPPORTED_PROCESS: Final = ("apparmorProfile", "selinuxLabel")
UNSUPPORTED_LINUX: Final = ("mountLabel", "intelRdt")
UNSUPPORTED_MEMORY: Final = ("kernel", "kernelTCP", "disableOOMKiller", "useHierarchy")
# Without them it would not be what was asked for.
REFUSED_LINUX: Final = ("netDevices", "memoryPolicy")
# null, zero, full, random, urandom, kmsg, tty and net/tun, as Documentation/admin-guide/devices.txt numbers them.
DEVICES: Final = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (1, 11), (5, 0), (10, 200))
PERSONALITIES: Final = {"LINUX": 0, "LINUX32": 8}  # PER_LINUX, PER_LINUX32 of personality(2)
PTMX: Final = ("/dev/ptmx", "c", 5, 2)  # the specification has it made as a link, in every container


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
            spec.unsupported += [process.at(name) for name in UNSUPPORTED_PROCESS if process.has(name)]
    spec.hostname = top.text("hostname")
    spec.mounts = [decode_mount(mount) for mount in top.children("mounts")]
    spec.domainname = top.text("domainname")
    spec.annotations = top.document("annotations")
    annotations = top.child("annotations")
    if annotations is not None:
        for name in annotations.names():
            annotations.text(name)  # notes what is none
    for name in ("process", "hooks"):
        spec.documents[name] = top.document(name)
    hooks = top.child("hooks")
    if hooks is not None:
        for name in HOOK_KINDS:
            spec.hooks[name] = [decode_hook(hook) for hook in hooks.children(name)]
    spec.refused += [name for name in ("vm", "windows", "solaris", "zos") if top.has(name)]
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
        process.umask = user.number("umask", 0, UINT32, 0o022) & 0o777
        process.additional_gids = user.numbers("additionalGids", ID_MAX)
    console = o.child("consoleSize")
    if console is not None:
        process.rows = console.number("height", 0, 65535)
        process.columns = console.number("width", 0, 65535)
    for limit in o.children("rlimits"):
        limit.require("type")
        soft, hard = limit.number("soft", 0, UINT64 - 1), limit.number("hard", 0, UINT64 - 1)
        process.rlimits.append(Rlimit(limit.text("type"), soft, hard))
    if o.has("oomScoreAdj"):
        process.oom_score_adj = o.number("oomScoreAdj", -1000, 1000)
    if any(o.has(name) for name in ("scheduler", "ioPriority", "execCPUAffinity")):
        from runsc.spec.scheduling import decode_scheduling

        process.scheduling = decode_scheduling(o)
    capabilities = o.child("capabilities")
    if capabilities is not None:
        sets = ("bounding", "effective", "inheritable", "permitted", "ambient")
        named = {name: capabilities.texts(name) for name in sets}
        process.capabilities = {name: [one for one in named[name] if one in CAPABILITIES] for name in sets}
        process.unknown = sorted({one for name in sets for one in named[name]} - set(CAPABILITIES))
    return process


def decode_mount(o: Object) -> Mount:
    """mounts[]."""
    o.require("destination")
    for name in ("uidMappings", "gidMappings"):
        if o.filled(name):
            o.problems.add(o.at(name), "is not supported: mounts are shown with the host's ids")
    kind, options = o.text("type"), o.texts("options")
    if kind == "tmpfs":  # all of them come to the kernel in one string
        options = [part for option in options for part in option.split(",")]
    return Mount(o.text("destination"), kind, o.text("source"), options)


def decode_linux(o: Object, spec: Spec) -> None:
    """linux."""
    for namespace in o.children("namespaces"):
        namespace.require("type")
        spec.namespaces.append(Namespace(namespace.text("type"), namespace.text("path")))
    there = {namespace.kind for namespace in spec.namespaces}
    missing = [kind for kind in ("pid", "ipc", "uts", "mount") if kind not in there]
    spec.unsupported += [f"{o.at('namespaces')}: the host's own {kind} namespace" for kind in missing]
    spec.masked_paths = o.texts("maskedPaths")
    spec.readonly_paths = o.texts("readonlyPaths")
    spec.cgroups_path = o.text("cgroupsPath")
    spec.root_propagation = o.text("rootfsPropagation")
    resources = o.child("resources")
    if resources is not None:
        decode_resources(resources, spec)
    if o.filled("timeOffsets"):
        from runsc.spec.scheduling import decode_time_offsets

        spec.time_offsets = decode_time_offsets(o)
    if spec.time_offsets is not None and "time" not in there:
        o.problems.add(o.at("timeOffsets"), "there is no time namespace for it (linux.namespaces)")
    if o.filled("uidMappings") or o.filled("gidMappings") or "user" in there:
        from runsc.spec.id_maps import decode_id_maps

        decode_id_maps(o, spec)
    settings = o.child("sysctl")
    if settings is not None:
        spec.sysctl = {name: settings.text(name) for name in settings.names()}
    seccomp = o.child("seccomp")
    if seccomp is not None and (seccomp.filled("defaultAction") or seccomp.filled("syscalls")):
        spec.seccomp = compile_filter(seccomp)
    personality = o.child("personality")
    if personality is not None:
        decode_personality(personality, spec)
    decode_devices(o, resources is not None and allows_every_device(resources), spec)
    # What is empty asks for nothing.
    spec.refused += [o.at(name) for name in REFUSED_LINUX if o.filled(name)]
    spec.unsupported += [o.at(name) for name in UNSUPPORTED_LINUX if o.filled(name)]


def decode_personality(o: Object, spec: Spec) -> None:
    """linux.personality. The specification has two domains, and no flag yet; what is empty asks for nothing."""
    if not o.names():
        return
    domain = o.text("domain")
    if o.require("domain") and domain not in PERSONALITIES:
        o.problems.add(o.at("domain"), f"unknown domain {domain!r}; known: {', '.join(PERSONALITIES)}")
    if o.texts("flags"):
        spec.refused.append(o.at("flags"))
    spec.personality = PERSONALITIES.get(domain, 0)


def allows_every_device(resources: Object) -> bool:
    """The last of its device rules is for all: the container is privileged, and the devices listed are the host's."""
    rules = resources.children("devices")
    return bool(rules) and rules[-1].flag("allow") and rules[-1].text("type", "a") == "a"


def decode_devices(o: Object, privileged: bool, spec: Spec) -> None:
    """linux.devices: none of the host's, and nowhere but below /dev, which is the sandbox's. A privileged container,
    whose engine lists whatever the host has, gets those of the sandbox's kernel."""
    left_out = 0
    for device in o.children("devices"):
        found = decode_device(device)
        if (found.path, found.kind, found.major, found.minor) == PTMX:
            continue
        if found.kind == "p" or (found.kind in ("c", "u") and (found.major, found.minor) in DEVICES):
            spec.devices.append(found)
        elif privileged:
            left_out += 1
        else:
            number = f"{found.kind} {found.major}:{found.minor}"
            o.problems.add(
                device.at("path"), f"{found.path} ({number}) is not supported: no device of the host is inside"
            )
    if left_out:
        spec.unsupported.append(f"{o.at('devices')} (of the host: {left_out})")


def decode_device(o: Object) -> Device:
    """One of them."""
    for name in ("path", "type"):
        o.require(name)
    number = o.number("major", -1, ID_MAX), o.number("minor", -1, ID_MAX)
    device = Device(o.text("path"), o.text("type"), *number)
    parts = device.path.split("/")
    if parts[:2] != ["", "dev"] or len(parts) < 3 or set(parts[2:]) & {"", ".", ".."}:
        o.problems.add(o.at("path"), f"{device.path!r} is not supported: devices are made below /dev")
    device.mode = o.number("fileMode", 0, ID_MAX, 0o666) & 0o7777
    device.uid, device.gid = o.number("uid", 0, ID_MAX), o.number("gid", 0, ID_MAX)
    return device


def decode_resources(o: Object, spec: Spec) -> None:
    """linux.resources."""
    memory = o.child("memory")
    if memory is not None:
        spec.memory_limit = bound(spec, "memory", memory.number("limit", -1, INT64 - 1))
        spec.memory_swap = memory.number("swap", -1, INT64 - 1)
        if spec.memory_swap and spec.memory_swap != spec.memory_limit:
            spec.unsupported.append(memory.at("swap"))
        spec.memory_reservation = memory.number("reservation", -1, INT64 - 1)
        spec.unsupported += [memory.at(name) for name in UNSUPPORTED_MEMORY if memory.filled(name)]
    pids = o.child("pids")
    if pids is not None:
        spec.pids_limit = bound(spec, "pids", pids.number("limit", -1, INT64 - 1))
    cpu = o.child("cpu")
    if cpu is not None:
        spec.cpu.shares = cpu.number("shares", 0, UINT64 - 1)
        spec.cpu.quota = cpu.number("quota", -1, INT64 - 1)
        spec.cpu.period = cpu.number("period", 0, UINT64 - 1)
        spec.cpu.cpus, spec.cpu.mems = cpu.text("cpus"), cpu.text("mems")
    if o.names():
        from runsc.spec.host_resources import decode_host_resources

        spec.host_rows = decode_host_resources(o)


def bound(spec: Spec, name: str, value: int) -> int:
    """0 for none; one that is said not to be there is noted as such."""
    (spec.lifted.add if value < 0 else spec.lifted.discard)(name)
    return max(0, value)


def decode_hook(o: Object) -> Hook:
    """hooks.KIND[]."""
    o.require("path")
    return Hook(o.text("path"), o.texts("args"), o.texts("env"), o.number("timeout", 1, 1 << 31))
