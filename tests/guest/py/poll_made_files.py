"""Which files of /proc and /sys can be waited for, and what they say: those of a process cannot, an attribute tells until it
is read that it has changed, and none sends signals."""

import fcntl
import os
import select

PROC = "meminfo uptime version cpuinfo stat locks keys filesystems cgroups partitions interrupts mounts"
SYS = "kernel/hostname kernel/ostype net/ipv4/ip_forward"
OWN = "status maps environ mem uid_map setgroups cgroup stat limits mountinfo net/dev net/tcp"
FILES = [f"/proc/{name}" for name in PROC.split()]
FILES += [f"/proc/sys/{name}" for name in SYS.split()]
FILES += [f"/proc/self/{name}" for name in OWN.split()]
FILES += ["/proc/sysvipc/shm", "/sys/class/net/lo/mtu", "/sys/devices/system/cpu/online"]
ALL = select.POLLIN | select.POLLPRI | select.POLLOUT


def polled(fd: int) -> int:
    """What poll(2) says now."""
    poll = select.poll()
    poll.register(fd, ALL)
    return poll.poll(0)[0][1]


def awaited(fd: int) -> str:
    """What epoll says now."""
    with select.epoll() as epoll:
        try:
            epoll.register(fd, ALL)
        except OSError as error:
            return f"error {error.errno}"
        return str(epoll.poll(0)[0][1])


for name in FILES:
    fd = os.open(name, os.O_RDONLY)
    before = polled(fd), awaited(fd)
    if not name.endswith("/mem"):
        os.read(fd, 1)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_ASYNC)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ASYNC
    print(name, *before, polled(fd), awaited(fd), flags != 0)
    os.close(fd)
