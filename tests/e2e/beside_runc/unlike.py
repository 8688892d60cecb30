"""What ours does not do as runc, on purpose: lines that are rewritten before they are compared (pattern, what stands instead,
why), and cases that end otherwise, by their names. docs/containers.md says the same to users."""

from __future__ import annotations

from typing import Final

ABSENT: Final = r"/proc/(acpi|keys|timer_list|scsi|bus|fs|irq)\b"  # of the host's machine; the sandbox's has none
EXEC: Final = r"^(\[\d+\] (?:pty |console )?exec .*: (?:out|terminal): )"

RULES: Final[list[tuple[str, str, str]]] = [
    (r"^.*: out: mount /dev/(null|random|full|tty|zero|urandom): root HOST .*", "", "runc binds the host's nodes in a user namespace"),
    (r"( tmpfs \S+ r[wo].*),inode64", r"\1", "an option of the host's own kernel"),
    (r"^.*: out: (path " + ABSENT + "|mount " + ABSENT + ").*", "", "a property of the machine, and the sandbox is one of its own"),
    (r"(/proc/self/cgroup: )\d+:.*", r"\1a group", "control groups inside are the sandbox's own, of the second version"),
    (r"(: out: fd [012]): .*", r"\1", "runc copies through pipes what ours hands on as it is"),
    (r"(! cat order: out: poststart) .*", r"\1", "they see a running container, as the specification wants it"),
    (r"(\.ociVersion: )1\.0\.2(-dev)?$", r"\1version", "a state has the version of config.json, runc's that of its library"),
    (r"^(\[\d+\] state .*: out: \.owner: ).*", r"\1", "runc tells the owner in `list` only"),
    (EXEC + r"(/proc/self/status: NS\w+:\t)\d+$", r"\1\2N", "runc's own helpers take numbers inside before the process"),
    (EXEC + r"pid (\d+) ppid 0 pgrp \2 sid \2$", r"\1pid N ppid 0 pgrp N sid N", "the same"),
    (EXEC + r"(tty .* pgrp )\d+ ", r"\1\2N ", "the same"),
    (r"(/proc/self/status: SigIgn:\t0{8})([08])0{7}$", r"\g<1>00000000", "runc hands on that its caller ignores 32, which is libc's"),
    (r"( pty run c: out: tty \d: .* i2400 o)[15] ", r"\1 ", "runc switches off ONLCR inside, as its copy makes the line ends"),
    (r"( pty exec .*: out: tty \d: .* i2400 o)[15] ", r"\1 ", "the same"),
]  # fmt: skip

# Names of cases, and why they end otherwise.
CASES: Final[dict[str, str]] = {
    **dict.fromkeys(
        (f"wrong ociVersion {text}" for text in ("missing", "''", "'2.0.0'", "'x'", "'0.9'", "None")),
        "the specification requires a version, and ours knows 1.x",
    ),
    "wrong process.rlimits [{'type': 'RLIMIT_CPU', 'soft': 9, 'hard': 9}, {'type': 'RLIMIT_CPU', 'soft': 8, 'hard': 8}]": "a limit twice is an error, as the specification has it",
    "wrong process.apparmorProfile 'no-such'": "not applied, which the log says",
    "wrong process.selinuxLabel 'x'": "not applied, which the log says",
    "wrong linux.mountLabel 'x'": "not applied, which the log says",
    "wrong linux.intelRdt {'l3CacheSchema': 'L3:0=1'}": "not applied, which the log says; this host has none for runc",
    "no-mounts": "runc itself needs a /proc",
    "wrong mounts None": "runc itself needs a /proc",
    "no-dev": "without a mount there runc makes device nodes in the root on the host's disk; ours has a tmpfs at /dev",
    "dev-bound": "runc makes no device nodes where /dev is bound, and needs one; ours are at /dev in any case",
    "domainname": "runc 1.1 does not know it",
    "cgroup-mount": "control groups inside are the sandbox's own, of the second version",
    "devices-elsewhere": "on the host's disk no device node can be made from inside",
    "devices-relative": "on the host's disk no device node can be made from inside",
    "wrong linux.devices [{'path': '/dev/../x', 'type': 'c', 'major': 1, 'minor': 3}]": "no device node can be made outside /dev",
    "wrong linux.devices [{'path': '', 'type': 'c', 'major': 1, 'minor': 3}]": "the specification requires a path",
    "wrong linux.devices [{'path': '/dev/x', 'type': 'c'}]": "c 0:0 is no device of the sandbox's kernel",
    "wrong linux.devices [{'path': '/dev/pts', 'type': 'c', 'major': 1, 'minor': 3}]": "a mount is not replaced with a device",
    "devices-default-again": "the host's group of devices does not allow what is only listed; inside there is no such group",
    **dict.fromkeys(
        (f"propagation-{kind}" for kind in ("shared", "rshared", "unbindable", "runbindable")),
        "runc gives it to the host's root in its namespace, ours to the container's",
    ),
    **dict.fromkeys(
        ("no-interpreter", "not-a-program", "exec-not-loaded"),
        "the program is loaded by create, so that create tells, not the process",
    ),
    "created-deleted": "delete leaves a created container alone, as the specification wants it",
    "signals-of-real-time": "runc knows no names of them",
    "hooks-steps": "runc 1.1 runs poststart hooks with create, ours after start",
    "hook-fails-poststart": "a warning, as the specification wants it",
    "hook-fails-poststop": "a warning, as the specification wants it",
    "hook-start-container-fails": "the hook is run by the sandbox, which tells; runc's process just ends",
    "wrong linux.uidMappings [{'containerID': 0, 'hostID': 0, 'size': 1}]": "runc 1.1 passes over maps without a user namespace, later ones do not",
    "userns-maps-alone": "the same",
    "userns-devices": "runc 1.1 cannot make the place for the node that it binds",
    "wrong mounts+ {'destination': '/x', 'type': 'tmpfs', 'source': 't', 'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': 1}], 'gidMappings': [{'containerID':": "refused: the ids inside are the sandbox's",
    **dict.fromkeys(
        (
            "wrong linux.personality {'domain': 'X'}",
            "wrong linux.personality {'domain': 'LINUX', 'flags': ['X']}",
        ),
        "runc 1.1 passes over it; ours refuses what it cannot give",
    ),
    **dict.fromkeys(
        (
            "wrong windows {}",
            "wrong windows {'layerFolders': ['x']}",
            "wrong solaris {}",
            "wrong vm {}",
            "wrong vm {'kernel': {'path': '/x'}}",
        ),
        "refused, as what a container could not do without",
    ),
    "wrong text 'null'": "runc has a fault there",
    "tmpfs-defaults": "runc 1.1 does not know the option that the specification lists; later ones do",
    "bind-dev": "no device of the host is inside",
    "bind-proc": "no file of the host's kernel is inside",
    "wrong process.cwd '/no/../data'": "runc makes the directory that the path climbs out of",
    "wrong process.user {'gid': 4294967294}": "runc's own bound; Linux takes it",
    "wrong process.consoleSize {'height': 70000, 'width': 1}": "struct winsize has 16 bits",
    "wrong linux.seccomp {'defaultAction': 'SCMP_ACT_ALLOW', 'flags': ['SECCOMP_FILTER_FLAG_LOG']}": "runc 1.1 knows no flags",
    "wrong linux.seccomp {'defaultAction': 'SCMP_ACT_ERRNO'}": "runc's own process cannot go on without system calls; ours runs the program",
    "root-is-a-link": "runc wants no link there; ours follows it",
    "exec-two-forms": "runc's parser takes a flag by one of its names only",
    **dict.fromkeys(
        ("preserve-fds-closed", "exec-preserve-fds-closed"),
        "a descriptor that is not open is an error, runc passes over it",
    ),
    **dict.fromkeys(
        ("exec-process-umask", "exec-umask-of-container"), "runc 1.1 gives an exec'd process no umask at all"
    ),
    "exec-process-oom": "runc 1.1 passes over oomScoreAdj of process.json",
    "update-without-group": "where config.json asks for no control group, none is made",
    "features": "runc 1.1 lists less",
    "spec-document": "runc 1.1 lists ambient capabilities that there cannot be, and a cgroup namespace on version 2 only",
    "cwd-dangling": "runc does not make what a link leads to; ours does, inside",
    "path-missing": "the program is looked for as execvp(3) does, as the specification has it",
    "passwd-is-a-directory": "there are no names then, which is no error",
    "argument-too-long": "the program is loaded by create, so that create tells, not the process",
    "rlimit-of-files-low": "runc itself needs more",
    "bind-of-the-root": "runc's mounts below the root are in it, ours are in the sandbox only",
    "odd-rlimit-as-too-small": "the program is loaded by create, so that create tells, not the process",
    "odd-groups-largest": "runc's own bound; Linux takes it",
    "odd-env-path-relative": "the program is looked for as execvp(3) does, as the specification has it",
    "odd-args-nul": "refused by config.json's path, where runc says nothing",
    "odd-args-surrogate": "half a surrogate pair is no character: refused; runc puts another one in its place",
    **dict.fromkeys(
        (
            f"odd-flag-{name}"
            for name in ("rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rstrictatime", "rnosymfollow")
        ),
        "runc 1.1 sets them on bind mounts only, the specification on every one",
    ),
    **dict.fromkeys(
        ("odd-bound-slave", "odd-bound-rslave", "odd-bound-rbind+ro+rslave"),
        "containers in one sandbox hear of what another mounts in a volume of both; runc's host shares nothing here",
    ),
    "odd-hook-missing-poststart": "a warning, as the specification wants it",
    "odd-hook-killed-poststart": "a warning, as the specification wants it",
    "odd-hook-slow-poststart": "a warning, as the specification wants it",
    "odd-hook-killed-poststop": "a warning, and the next one runs, as the specification wants it",
    "odd-seccomp-default-kill_process": "runc's own process cannot go on without system calls; ours runs the program",
    "odd-seccomp-default-trap": "runc's own process cannot go on without system calls; ours runs the program",
    "odd-seccomp-errno-4095": "libseccomp's own bound; Linux takes it",
    "odd-seccomp-errno-4096": "libseccomp's own bound; Linux takes it, as 4095",
    "odd-seccomp-errno-65536": "runc takes the lower 16 bits",
    "odd-device-on-a-file": "a mount is not replaced with a device",
    "odd-device-twice": "the second one takes the first one's place; runc leaves the first",
    "odd-namespaces-time": "runc 1.1 does not know it",
    "odd-no-mount-namespace": "every sandbox has one",
    "odd-read-only-tree": "what lies below is read-only, too",
    "odd-annotations": "runc keeps them as NAME=VALUE, with its own among them",
    **dict.fromkeys(
        (f"spec-hook-no-environment-{kind}" for kind in ("prestart", "createRuntime", "poststart", "poststop")),
        "the environment is what is listed, as the specification has it; runc 1.1 hands on its own where nothing is",
    ),
    "spec-hook-namespaces-createContainer": "no process of the host is among the sandbox's, of which the first is its kernel",
    "spec-hook-state-poststart": "they see a running container, as the specification wants it",
    "spec-kill-created": "the program has not begun, so that the signal waits for it; runc's own process ends",
    **dict.fromkeys(("spec-resources-burst", "spec-resources-idle"), "runc 1.1 does not know it"),
    **dict.fromkeys(
        ("spec-resources-memory-oom", "spec-resources-memory-oom-limit"),
        "not applied, which the log says: the sandbox's kernel ends a process when memory has run out",
    ),
    **dict.fromkeys(
        ("exec-spec-by-no-path", "exec-spec-by-path-of-container"),
        "the program is looked for as execvp(3) does, as the specification has it",
    ),
    "exec-spec-pid-files": "a process of the host stands for the one inside, and `ps` has that one's",
    **dict.fromkeys(
        ("spec-sysctl-kernel.threads-max", "spec-sysctl-vm.overcommit_memory", "spec-sysctl-shared-ipc"),
        "every sandbox has a kernel of its own, so that nothing of the host's is set",
    ),
    "spec-seccomp-listener": "refused: there is nobody who could answer it",
    "spec-seccomp-flags-tsync": "runc 1.1 knows no flags",
    "spec-spec-flags": "runc 1.1 lists a cgroup namespace on version 2 only",
    "spec-group-shared": "runc 1.1 warns of it, later ones refuse it",
    **dict.fromkeys(
        ("names-of-the-host", "network-of-the-host-sysctl"),
        "every sandbox has namespaces of its own, so that nothing of the host's is set",
    ),
}


def reason(name: str) -> str:
    """Why a case ends otherwise; empty: it must not."""
    return CASES.get(name, "")
