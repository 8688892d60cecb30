"""The flags of `do`, which a command knows before it imports what `do` needs."""

from __future__ import annotations

from typing import Final

from runsc.flags import LIST, NUMBER, SECONDS, SIZE, SWITCH, TEXT, Flag

FLAGS: Final = (
    Flag("cwd", TEXT, "DIR", "working directory; one that is masked (a home) is shown then"),
    Flag("env", LIST, "NAME[=VALUE]", "set a variable, or hand on the one from outside"),
    Flag("user", TEXT, "UID[:GID]", "run as this user instead of 0"),
    Flag("cap-add", LIST, "NAME", "one more capability than a container usually has (SYS_ADMIN; ALL: every one)"),
    Flag("volume", LIST, "HOST:GUEST[:ro]", "show a host directory or file; changes are real"),
    Flag("tmpfs", LIST, "DIR[:SIZE]", "an empty file system in memory"),
    Flag("out", TEXT, "DIR", "a host directory (made if missing) for results: /out inside"),
    Flag("timeout", SECONDS, "TIME", "kill everything inside after TIME (10, 1.5s, 2m; 0: never)"),
    Flag("memory", SIZE, "SIZE", "the most memory the processes may have (512M)"),
    Flag("pids", NUMBER, "N", "the most processes and threads"),
    Flag("publish", LIST, "[ADDR:]PORT:PORT[/udp]", "forward a host port to a port inside"),
    Flag("hostname", TEXT, "NAME", "the sandbox's host name"),
    Flag("rootfs", TEXT, "DIR", "use this directory as the root instead of the host's"),
    Flag("summary", SWITCH, "", "say at the end what happened on the network"),
)
