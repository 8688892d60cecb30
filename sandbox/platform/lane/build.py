"""Compile the guest stub: `python3 -m sandbox.platform.lane.build`.

Needs a C compiler (CC, default cc). Writes `stub/lane_stub` beside the source, only when it is older
than its inputs: an image for each of layout.LOWERS, their sizes, a mark of the sources.
"""

from __future__ import annotations

import os
import sys
import zlib

from sandbox.platform.lane import layout

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "stub", "stub.c")
INCLUDED = [
    os.path.join(HERE, "stub", name)
    for name in ("copy.c", "known.c", "futex.c", "actions.c", "signal.c", "thunk.c", "start.c")
]
BINARY = os.path.join(HERE, "stub", "lane_stub")
LAYOUT = os.path.join(HERE, "layout.py")

CFLAGS = [
    "-std=gnu11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-pointer-to-int-cast",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-pic",
    "-fno-asynchronous-unwind-tables",
    "-mgeneral-regs-only",
    "-mno-red-zone",
    "-mcmodel=large",
    "-fcf-protection=none",
    "-fno-tree-loop-distribute-patterns",
    "-static",
    "-nostdlib",
    "-no-pie",
    "-Wl,--build-id=none",
    "-Wl,-z,noexecstack",
    "-Wl,-z,max-page-size=4096",
]


def inputs_mark() -> bytes:
    """What stands at the end of a binary that was made from these sources."""
    mark = 0
    for path in (SOURCE, *INCLUDED, LAYOUT):
        with open(path, "rb") as file:
            mark = zlib.crc32(file.read(), mark)
    return mark.to_bytes(4, "little")


def up_to_date() -> bool:
    """The binary is there and made from these sources by this file."""
    try:
        with open(BINARY, "rb") as binary:
            same = binary.read()[-4:] == inputs_mark()
        return same and os.path.getmtime(__file__) <= os.path.getmtime(BINARY)
    except OSError:
        return False


def build() -> str:
    """Compile if needed; the binary's path. Raises RuntimeError with the compiler's words."""
    if up_to_date():
        return BINARY
    images = [_compile(lower) for lower in layout.LOWERS]
    temporary = f"{BINARY}.{os.getpid()}"
    with open(temporary, "wb") as out:
        out.write(b"".join([*images, *(len(image).to_bytes(4, "little") for image in images), inputs_mark()]))
    os.replace(temporary, BINARY)
    return BINARY


def _compile(lower: int) -> bytes:
    """The image for a layout."""
    constants = layout.constants(lower)
    defines = [f"-D{name}={value:#x}ul" for name, value in constants.items()]
    defines += [f"-DASM_{name}={value:#x}" for name, value in constants.items()]  # as an assembler reads them
    made = f"{BINARY}.{os.getpid()}.made"
    script = f"{BINARY}.{os.getpid()}.ld"
    with open(script, "w") as out:
        out.write(
            "ENTRY(_start)\nPHDRS { text PT_LOAD FLAGS(5); }\n"
            f"SECTIONS {{ . = {constants['STUB_BASE']:#x};\n"
            " .all : { KEEP(*(.gate)) *(.text .text.*) *(.rodata .rodata.*) "
            f". = . + {layout.XSTATE_MOST}; }} :text =0\n"
            " .bad : { *(.data .data.* .bss .bss.* .got .got.*) } :text\n"
            ' ASSERT(SIZEOF(.bad) == 0, "the stub has no data")\n /DISCARD/ : { *(*) } }\n'
        )
    command = [os.environ.get("CC", "cc"), *CFLAGS, *defines, SOURCE, f"-Wl,-T,{script}", "-o", made]
    try:
        import subprocess  # only here: a start does not compile

        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the guest stub does not compile: {done.stderr.strip()}")
        with open(made, "rb") as image:
            return image.read()
    except FileNotFoundError:
        raise RuntimeError(f"no C compiler ({command[0]}): install gcc to build the guest stub") from None
    finally:
        for path in (script, made):
            if os.path.exists(path):
                os.unlink(path)


def by_hand() -> str:
    """What a user has to type for `build`."""
    import shlex  # only here: a start needs no such words

    root = HERE.removesuffix("/sandbox/platform/lane")
    return f"cd {shlex.quote(root)} && {shlex.quote(sys.executable)} -m sandbox.platform.lane.build"


def stub_bytes() -> bytes:
    """The compiled stub, from beside its source or from the archive that this module was imported from.
    FileNotFoundError when there is none, or one of other sources."""
    try:
        with open(BINARY, "rb") as binary:
            data = binary.read()
        if data[-4:] != inputs_mark():
            raise FileNotFoundError(BINARY)  # it would not understand this sentry
    except NotADirectoryError:
        # The archive has the name that it was started by, which may be ./runsc: abspath would take the dot out.
        member = os.path.join(os.path.dirname(__file__), "stub", "lane_stub")
        packed: bytes = __loader__.get_data(member)  # type: ignore[name-defined]
        data = packed
    return _image(data)


def _image(data: bytes) -> bytes:
    """Of what `build` has written, the image for the layout of this process."""
    count = len(layout.LOWERS)
    ends = len(data) - 4 * (count + 1)
    sizes = [int.from_bytes(data[ends + 4 * n : ends + 4 * n + 4], "little") for n in range(count)]
    nth = layout.LOWERS.index(layout.LOWER)
    return data[sum(sizes[:nth]) : sum(sizes[: nth + 1])]


if __name__ == "__main__":
    try:
        print(build())
    except RuntimeError as error:
        sys.exit(str(error))
