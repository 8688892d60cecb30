"""linux.seccomp as a program: what it says of each call, against the rules read one by one."""

from __future__ import annotations

import operator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runsc.spec.reader import Object, Problems
from runsc.spec.seccomp import compile_filter
from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.seccomp.check import check
from sandbox.seccomp.interpreter import run

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0
OPERATORS = {
    "NE": operator.ne,
    "LT": operator.lt,
    "LE": operator.le,
    "EQ": operator.eq,
    "GE": operator.ge,
    "GT": operator.gt,
}
VALUES = (0, 1, 2, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, (1 << 64) - 1, 0x80000000)
WORDS = st.sampled_from(VALUES)


def compiled(document: dict[str, Any]) -> Any:
    problems = Problems()
    program = compile_filter(Object("linux.seccomp", document, problems))
    assert problems.found == []
    check(program)
    return program


def verdict(program: Any, name: str, args: tuple[int, ...] = (), arch: int = 0xC000003E) -> int:
    words = [SYSCALL_NAMES.index(name), arch, 0, 0]
    for value in (*args, *(0,) * (6 - len(args))):
        words += [value & 0xFFFFFFFF, value >> 32]
    value: int = run(program, words).value
    return value


def test_actions_and_errnos() -> None:
    program = compiled(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 38,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            "syscalls": [
                {"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["bind"], "action": "SCMP_ACT_ERRNO"},
                {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
                {"names": ["reboot"], "action": "SCMP_ACT_KILL_PROCESS"},
            ],
        }
    )
    assert verdict(program, "read") == ALLOW
    assert verdict(program, "write") == ERRNO | 38
    assert verdict(program, "bind") == ERRNO | 1
    assert verdict(program, "mount") == ERRNO | 13
    assert verdict(program, "reboot") == 0x80000000
    assert verdict(program, "read", arch=0x40000003) == ERRNO | 38


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_comparisons(name: str) -> None:
    """Every pair of words, with each argument in turn: there are few enough to try them all."""
    for n, (value, argument) in enumerate(product(VALUES, VALUES)):
        index = n % 6
        condition = {"index": index, "value": value, "op": f"SCMP_CMP_{name}"}
        rule = {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [condition]}
        program = compiled({"defaultAction": "SCMP_ACT_KILL", "syscalls": [rule]})
        args = tuple(argument if at == index else 7 for at in range(6))
        assert verdict(program, "personality", args) == (ALLOW if OPERATORS[name](argument, value) else KILL)
        assert verdict(program, "read", args) == KILL


@given(mask=WORDS, wanted=WORDS, argument=WORDS)
def test_masked_equality(mask: int, wanted: int, argument: int) -> None:
    condition = {"index": 0, "value": mask, "valueTwo": wanted, "op": "SCMP_CMP_MASKED_EQ"}
    rule = {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [condition]}
    program = compiled({"defaultAction": "SCMP_ACT_KILL", "syscalls": [rule]})
    assert verdict(program, "clone", (argument,)) == (ALLOW if argument & mask == wanted & mask else KILL)


@given(first=WORDS, second=WORDS, a=WORDS, b=WORDS)
def test_several_conditions_and_rules(first: int, second: int, a: int, b: int) -> None:
    """On different arguments all hold; on one argument any; rules are tried in order."""
    both = [{"index": 0, "value": first, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": second, "op": "SCMP_CMP_GE"}]
    either = [{"index": 0, "value": first, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": second, "op": "SCMP_CMP_EQ"}]
    rules = [
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": both},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": either},
    ]
    program = compiled({"defaultAction": "SCMP_ACT_KILL", "syscalls": rules})
    expected = ERRNO | 1 if a == first and b >= second else ALLOW if a in (first, second) else KILL
    assert verdict(program, "socket", (a, b)) == expected


@pytest.mark.parametrize("key", ["listenerPath", "listenerMetadata"])
def test_notification_is_refused(key: str) -> None:
    problems = Problems()
    compile_filter(Object("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", key: "/x"}, problems))
    assert problems.found == [f"linux.seccomp.{key}: is not supported: there are no user notifications inside"]
