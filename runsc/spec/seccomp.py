"""linux.seccomp of config.json as a program for the sandbox's own seccomp filters (bpf(4) classic, seccomp(2)).

The rules of a call are tried in the order in which they stand; a rule whose conditions all hold decides, else the
default action. Calls that this architecture does not have are left out, as libseccomp does. What the program says of
a call whatever its arguments is remembered by the sandbox's kernel, so its length costs next to nothing.
"""

from __future__ import annotations

import errno
from typing import Final

from runsc.spec.reader import UINT64, Object

Insn = tuple[int, int, int, int]  # code, jt, jf, k

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_ABOVE: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_NR: Final = 0
_ARCH: Final = 4
_ARGS: Final = 16
_X86_64: Final = 0xC000003E
_INSNS: Final = 4096

ACTIONS: Final = {
    "SCMP_ACT_KILL": 0,
    "SCMP_ACT_KILL_THREAD": 0,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
OPERATORS: Final = (
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)
FLAGS: Final = ("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
ARCHES: Final = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")
_WITH_ERRNO: Final = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")


class Condition:
    """One of syscalls[].args[]."""

    __slots__ = ("index", "operator", "value", "second")

    def __init__(self, index: int, operator: str, value: int, second: int) -> None:
        self.index = index
        self.operator = operator
        self.value = value
        self.second = second


Rule = tuple[int, list[Condition]]  # what to return, if all hold


def compile_filter(o: Object) -> tuple[Insn, ...]:
    """The program; problems are noted with their paths."""
    default = _action(o, "defaultAction", "defaultErrnoRet")
    for n, name in enumerate(o.texts("architectures")):
        if not name.startswith("SCMP_ARCH_"):
            o.problems.add(f"{o.at('architectures')}[{n}]", f"unknown architecture {name!r}")
    for n, name in enumerate(o.texts("flags")):
        if name not in FLAGS:
            o.problems.add(f"{o.at('flags')}[{n}]", f"{name!r} is not supported; there are {', '.join(FLAGS)}")
    for name in ("listenerPath", "listenerMetadata"):
        if o.has(name):
            o.problems.add(o.at(name), "is not supported: there are no user notifications inside")
    rules: dict[int, list[Rule]] = {}
    numbers = _numbers()
    for call in o.children("syscalls"):
        action = _action(call, "action", "errnoRet")
        conditions = [_condition(argument) for argument in call.children("args")]
        for name in call.texts("names"):
            number = numbers.get(name)
            if number is not None:
                rules.setdefault(number, []).extend((action, held) for held in _alternatives(conditions))
    program = _program(default, rules)
    if len(program) > _INSNS:
        o.problems.add(o.path, f"a filter of {len(program)} instructions is too long, the most are {_INSNS}")
        return ()
    return program


def _numbers() -> dict[str, int]:
    from sandbox.abi.linux.syscall_names import SYSCALL_NAMES

    return {name: number for number, name in enumerate(SYSCALL_NAMES) if name != "-"}


def _action(o: Object, name: str, errno_name: str) -> int:
    o.require(name)
    text = o.text(name)
    data = o.number(errno_name, 0, 0xFFFF, errno.EPERM)
    if text == "SCMP_ACT_NOTIFY":
        o.problems.add(o.at(name), "SCMP_ACT_NOTIFY is not supported: there are no user notifications inside")
    elif text and text not in ACTIONS:
        o.problems.add(o.at(name), f"unknown action {text!r}; known: {', '.join(ACTIONS)}")
    return ACTIONS.get(text, 0) | (data if text in _WITH_ERRNO else 0)


def _condition(o: Object) -> Condition:
    o.require("op")
    operator = o.text("op")
    if operator and operator not in OPERATORS:
        o.problems.add(o.at("op"), f"unknown operator {operator!r}; known: {', '.join(OPERATORS)}")
    value, second = o.number("value", 0, UINT64 - 1), o.number("valueTwo", 0, UINT64 - 1)
    return Condition(o.number("index", 0, 5), operator, value, second)


def _alternatives(conditions: list[Condition]) -> list[list[Condition]]:
    """Conditions on different arguments must all hold; of several on one argument any (runc: matchCall)."""
    if len({condition.index for condition in conditions}) == len(conditions):
        return [conditions]
    return [[condition] for condition in conditions]


def _program(default: int, rules: dict[int, list[Rule]]) -> tuple[Insn, ...]:
    out: list[Insn] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, default),
        (_LOAD, 0, 0, _NR),
    ]
    for number, alternatives in sorted(rules.items()):
        if not alternatives[0][1]:  # decided whatever the arguments are
            out += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, alternatives[0][0])]
            continue
        block: list[Insn] = []
        for action, conditions in alternatives:
            tests = [insn for condition in conditions for insn in _test(condition)]
            block += _resolve([*tests, (_RETURN, 0, 0, action)])
        block.append((_RETURN, 0, 0, default))
        out += [(_EQUAL, 1, 0, number), (0x05, 0, 0, len(block)), *block]  # BPF_JMP | BPF_JA over the block
    out.append((_RETURN, 0, 0, default))
    return tuple(out)


_FAIL: Final = -1  # to behind the return that follows the tests
_PASS: Final = -2  # to behind this condition's tests


def _test(condition: Condition) -> list[Insn]:
    """Falls through, or jumps to _PASS, when it holds. The high word of the argument is looked at first."""
    low = _ARGS + 8 * condition.index
    value, mask = condition.value, UINT64 - 1
    if condition.operator == "SCMP_CMP_MASKED_EQ":
        value, mask = condition.second & condition.value, condition.value
    high_value, low_value = value >> 32, value & 0xFFFFFFFF
    loads: list[list[Insn]] = [[(_LOAD, 0, 0, low + 4)], [(_LOAD, 0, 0, low)]]
    if mask != UINT64 - 1:
        loads[0].append((_AND, 0, 0, mask >> 32))
        loads[1].append((_AND, 0, 0, mask & 0xFFFFFFFF))
    if condition.operator in ("SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"):
        tests = [[(_EQUAL, 0, _FAIL, high_value)], [(_EQUAL, 0, _FAIL, low_value)]]
    elif condition.operator == "SCMP_CMP_NE":
        tests = [[(_EQUAL, 0, _PASS, high_value)], [(_EQUAL, _FAIL, 0, low_value)]]
    else:
        above = condition.operator in ("SCMP_CMP_GT", "SCMP_CMP_GE")
        on_above, on_below = (_PASS, _FAIL) if above else (_FAIL, _PASS)
        # GT and its opposite LE look for low words above, GE and LT for those at least as large.
        last = _ABOVE if condition.operator in ("SCMP_CMP_GT", "SCMP_CMP_LE") else _AT_LEAST
        tests = [
            [(_ABOVE, on_above, 0, high_value), (_EQUAL, 0, on_below, high_value)],
            [(last, 0, _FAIL, low_value) if above else (last, _FAIL, 0, low_value)],
        ]
    insns = [*loads[0], *tests[0], *loads[1], *tests[1]]
    end = len(insns)
    return [
        (code, end - at - 1 if jt == _PASS else jt, end - at - 1 if jf == _PASS else jf, k)
        for at, (code, jt, jf, k) in enumerate(insns)
    ]


def _resolve(insns: list[Insn]) -> list[Insn]:
    """_FAIL goes behind the whole."""
    end = len(insns)
    return [
        (code, end - at - 1 if jt == _FAIL else jt, end - at - 1 if jf == _FAIL else jf, k)
        for at, (code, jt, jf, k) in enumerate(insns)
    ]
