"""The packetdrill runner: what it takes, what it refuses by name, and what it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.packetdrill import shell, tcp_options
from tools.packetdrill.cli import main, run_script
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.parser import parse_script
from tools.packetdrill.syntax import Call, Code, Command, IcmpSpec, Packet, TcpSpec, UdpSpec

LISTEN = """
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
"""
ESTABLISHED = (
    LISTEN
    + """
+0 < S 0:0(0) win 32792 <mss 1000,nop,nop,sackOK>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
"""
)


def run(tmp_path: Path, text: str, **options: str | None) -> str:
    script = tmp_path / "script.pkt"
    script.write_text(text)
    return run_script(str(script), list(options.items())).replace(f"{tmp_path}/", "")


def bodies(text: str, ipv6: bool = False) -> list[object]:
    return [event.action for event in parse_script(text, {}, ipv6).events]


def test_the_language() -> None:
    actions = bodies(
        """
        --tolerance_usecs=10000
        `first` // a comment
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3   # another
        +0...0.1 connect(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}, ...) = -1 EX (no)
        /* and
           one more */
        0.1~0.2 > [ect0] SEW. 0:0(0) ack 1 win 5 urg 3 <mss 1460,nop,wscale 7,sackOK,TS val 1 ecr 2>
        +.1~+.2 > .5 1:1(0) ack 1 <...>
        * > - 1:1(0)
        +0 < 1000 > 8080 P.U 1:11(10) ack 1 win 9 <nop,nop,sack 1:2 3:4>
        +0 < udp (100)
        +0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
        +0 < icmp echo_request id 7 [raw (100)]
        +0 %{ assert True }%
        +0 `sleep 1`
        +0 getsockopt(3, SOL_TCP, TCP_INFO, {...}, [4]) = 0
        """
    )
    call = actions[1]
    assert isinstance(call, Call) and (call.end, call.errno) == (100_000, "EX")
    syn = actions[2]
    assert isinstance(syn, Packet) and isinstance(syn.body, TcpSpec) and syn.body.options is not None
    assert (syn.ip.tos, syn.body.flags, syn.body.urgent, syn.body.window) == (2, "SEW.", 3, 5)
    assert tcp_options.to_text(syn.body.options) == "mss 1460,nop,wscale 7,sackOK,TS val 1 ecr 2"
    assert [getattr(action, "body", None).__class__ for action in actions[3:9]] == [TcpSpec] * 3 + [
        UdpSpec,
        IcmpSpec,
        IcmpSpec,
    ]
    named = actions[5]
    assert isinstance(named, Packet) and named.ports == (1000, 8080)
    assert isinstance(actions[9], Code) and isinstance(actions[10], Command)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("+0 > gre: . 1:1(0) ack 1", "encapsulation 'gre' is not supported"),
        ("+0 > mpls (label 0, tc 0, ttl 0): . 1:1(0)", "encapsulation 'mpls' is not supported"),
        ("+0 < . 1:5(3) ack 1", "inconsistent TCP sequence numbers"),
        ("+0 < X. 1:1(0) ack 1", "invalid TCP flags 'X.'"),
        ("+0 < . 1:1(0) ack 1 <...>", "can only be used with outbound packets"),
        ("+0 < . 1:1(0) ack 1 <wscale 7>", "not padded correctly"),
        ("+0 < . 1:1(0) ack 1 <whatever 7>", "unknown TCP option 'whatever'"),
        ("* close(3) = 0", "<star> can only be used with outbound packets"),
        ("+0~+1 close(3) = 0", "time range can only be used with outbound packets"),
        ("+0 < icmp nonsense", "bad ICMP type nonsense"),
        ("+0 close(3)", "parse error"),
        ("+0 %{ assert", "never closed"),
    ],
)
def test_what_does_not_parse(line: str, why: str) -> None:
    with pytest.raises(ScriptError, match=why.replace("(", r"\(").replace("<", r"\<")) as caught:
        parse_script(f"0 socket(..., SOCK_STREAM, 0) = 3\n{line}\n", {}, False)
    assert caught.value.line in (2, 3)


def test_a_packet_that_differs_is_shown_beside_the_expected_one(tmp_path: Path) -> None:
    error = run(tmp_path, ESTABLISHED + "+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 5 win 7\n")
    first, script, actual = error.splitlines()
    assert first == (
        "script.pkt:11: error handling packet: live packet field tcp_ack_seq: expected: 5 (0x5) vs actual: 1 (0x1)"
    )
    assert script == "script packet:  0.100000 P. 1:101(100) ack 5 win 7"
    assert actual == "actual packet:  0.100000 P. 1:101(100) ack 1 win 64240"


def test_a_packet_at_another_time(tmp_path: Path) -> None:
    error = run(tmp_path, ESTABLISHED + "+0 write(4, ..., 100) = 100\n+.5 > P. 1:101(100) ack 1\n")
    assert error.startswith(
        "script.pkt:11: error handling packet: timing error: expected outbound packet at 0.600000 sec "
        "but happened at 0.100000 sec; tolerance 0.062500 sec\n"
    )
    error = run(tmp_path, ESTABLISHED + "+0 > P. 1:101(100) ack 1\n")
    assert error.startswith("script.pkt:10: error handling packet: no outbound packet came\n")


def test_payload_lengths_and_options(tmp_path: Path) -> None:
    error = run(tmp_path, ESTABLISHED + "+0 write(4, ..., 100) = 100\n+0 > P. 1:51(50) ack 1\n")
    assert "live packet payload: expected 50 bytes vs actual 100 bytes" in error
    error = run(tmp_path, LISTEN + "+0 < S 0:0(0) win 9 <mss 1000>\n+0 > S. 0:0(0) ack 1 <mss 1000>\n")
    assert "bad value outbound TCP option 2" in error


def test_calls_that_answer_otherwise(tmp_path: Path) -> None:
    error = run(tmp_path, LISTEN + "+0 listen(3, 1) = -1 EINVAL (Invalid argument)\n")
    assert error == "script.pkt:5: runtime error in listen call: Expected result -1 but got 0"
    error = run(tmp_path, LISTEN + "+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n+0 accept(3, ..., ...) = -1 EINVAL (x)\n")
    assert error == (
        "script.pkt:6: runtime error in accept call: Expected errno 22 (Invalid argument) "
        "but got errno 11 (Resource temporarily unavailable)"
    )
    assert "Unknown system call: 'dance'" in run(tmp_path, LISTEN + "+0 dance(3) = 0\n")
    assert "symbol: 'SO_NONSENSE'" in run(tmp_path, LISTEN + "+0 setsockopt(3, SOL_SOCKET, SO_NONSENSE, [1], 4) = 0\n")


def test_a_blocking_call_must_end_on_time(tmp_path: Path) -> None:
    late = ESTABLISHED + "+0...0.2 read(4, ..., 10) = 10\n+.4 < P. 1:11(10) ack 1 win 9\n"
    assert run(tmp_path, late).startswith("script.pkt:10: timing error: expected system call return at 0.300000 sec")
    never = ESTABLISHED + "+0...0.2 read(4, ..., 10) = 10\n"
    assert "exiting while a blocking system call is in progress" in run(tmp_path, never)


def test_code_blocks(tmp_path: Path) -> None:
    assert not run(tmp_path, ESTABLISHED + "+0 %{ seen = tcpi_state }%\n+0 %{ assert seen == TCP_ESTABLISHED }%\n")
    error = run(tmp_path, ESTABLISHED + "+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%\n")
    assert error.startswith("script.pkt:10: error in Python code\n") and error.endswith("AssertionError: 10")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sysctl -q net.ipv4.tcp_frobnicate=1", "unknown sysctl 'net.ipv4.tcp_frobnicate'"),
        ("sysctl -q net.ipv4.ip_forward=1", "net.ipv4.ip_forward has the value 0 only"),
        ("tc qdisc add dev tun0 root netem delay 1ms", "tc qdisc 'netem' is not supported"),
        ("iptables -A INPUT -j DROP", "unknown command 'iptables'"),
        ("ip route change default dev tun0 colour red", "ip route: 'colour' is not supported"),
        ("if true; then echo; fi", "shell keyword 'if' is not supported"),
        ("false", "non-zero status 1"),
        ("sysctl -q net.ipv4.tcp_congestion_control=vegas", "congestion control 'vegas' is not known"),
    ],
)
def test_commands_that_are_not_recognised(tmp_path: Path, command: str, why: str) -> None:
    assert why in run(tmp_path, f"`{command}`\n{LISTEN}")


def test_commands_with_effect(tmp_path: Path) -> None:
    script = """
`../common/defaults.sh > /dev/null 2>&1
 ../common/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0
 sysctl -q net.ipv4.tcp_rmem="4096 $((4*2000)) 8000" && tc qdisc replace dev tun0 root pfifo || false`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) win 2920 <mss 1460,nop,nop,sackOK,nop,wscale 0>
+0 `sleep 0.3`
+0 %{ assert tcpi_state == TCP_SYN_SENT }%
+.69 > S 0:0(0) win 2920 <mss 1460,nop,nop,sackOK,nop,wscale 0>
`/tmp/sysctl_restore_${PPID}.sh`
"""
    assert not run(tmp_path, script)


def test_counters(tmp_path: Path) -> None:
    body = "+0 < R 9:9(0) win 0\n+0 > . 1:1(0) ack 1\n+0 `nstat | grep -q 'TcpExtTCPChallengeACK *1 '`\n"
    assert not run(tmp_path, "`nstat -n`\n" + ESTABLISHED + body)


def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.pkt"
    good.write_text(
        "--mtu=1000\n--ip_version=ipv4-mapped-ipv6\n" + LISTEN + "+0 < S 0:0(0) win 9\n+0 > S. 0:0(0) ack 1 <mss 960>\n"
    )
    bad = tmp_path / "bad.pkt"
    bad.write_text(LISTEN + "+0 close(3) = 7\n")
    assert main([str(good)]) == 0
    assert main(["--mtu=1200", str(good)]) == 1  # the command line wins
    assert "bad value outbound TCP option 2" in capsys.readouterr().err
    assert main([str(good), str(bad)]) == 1
    assert "bad.pkt:5: runtime error in close call" in capsys.readouterr().err
    assert main(["--dry_run", str(bad)]) == 0
    assert main(["--non_fatal=syscall", str(bad)]) == 0
    assert main(["-D", "NINE=9", "-v", str(good)]) == 0
    assert "inbound injected packet:" in capsys.readouterr().out
    for words in (["--so_filename=x.so", str(good)], ["--no_such_option", str(good)], []):
        assert main(words) == 1
    assert "'--so_filename' is not supported" in capsys.readouterr().err


def test_defines(tmp_path: Path) -> None:
    text = LISTEN + "+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, CC, 4) = 0\n+0 listen(3, N) = 0\n"
    script = tmp_path / "script.pkt"
    script.write_text(text)
    assert not run_script(str(script), [("define", 'CC="reno"'), ("define", "N=5")])


def test_shell_words() -> None:
    parsed = shell.parse("a 'b c' \"d $X\" e\\ f >/dev/null 2>&1; g || h | i # j\n k=1 l", {"X": "y"})
    assert [[command.words for command in pipeline.commands] for pipeline in parsed] == [
        [["a", "b c", "d y", "e f"]],
        [["g"]],
        [["h"], ["i"]],
        [["k=1", "l"]],
    ]
    assert [pipeline.before for pipeline in parsed] == [";", ";", "||", ";"]
    assert shell.arithmetic("256*1024 + (1<<4)") == 262160
