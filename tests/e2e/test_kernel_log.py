"""The sandbox's own kernel log: /proc/kmsg and syslog(2) have one reader, dmesg(1) clears."""

from __future__ import annotations

from tests.e2e.conftest import do

STREAM = """
echo '<3>one' > /dev/kmsg; echo two > /dev/kmsg
dd if=/proc/kmsg bs=64k count=1 2>/dev/null | grep -c .
echo three > /dev/kmsg
dd if=/proc/kmsg bs=64k count=1 2>/dev/null | sed 's/\\[.*\\] //'
dd if=/proc/kmsg iflag=nonblock bs=64k count=1 2>&1 | grep -o 'Resource temporarily unavailable'
dd if=/proc/kmsg bs=64k count=1 2>/dev/null > /tmp/four & echo four > /dev/kmsg; wait; sed 's/\\[.*\\] //' /tmp/four
dmesg -c > /dev/null; dmesg | wc -l; echo five > /dev/kmsg; dmesg -r | sed 's/\\[.*\\] //'
dmesg -n 7; cat /proc/sys/kernel/printk; dmesg -D; cat /proc/sys/kernel/printk; dmesg -E; cat /proc/sys/kernel/printk
"""


def test_the_stream_and_what_is_cleared() -> None:
    done = do("--cap-add", "SYSLOG", "sh", "-c", STREAM)
    lines = done.out.splitlines()
    assert int(lines[0]) > 2 and done.status == 0, done
    assert lines[1:] == [
        "<12>three",
        "Resource temporarily unavailable",
        "<12>four",
        "0",
        "<5>five",
        "7\t4\t1\t7",
        "1\t4\t1\t7",
        "7\t4\t1\t7",
    ], done


def test_without_the_right() -> None:
    done = do("sh", "-c", "cat /proc/kmsg; dmesg -c")
    assert done.err.count("Operation not permitted") == 2, done
