"""keyctl(2): operations and special numbers (include/uapi/linux/keyctl.h)."""

from __future__ import annotations

from typing import Final

KEY_SPEC_THREAD_KEYRING: Final = -1
KEY_SPEC_PROCESS_KEYRING: Final = -2
KEY_SPEC_SESSION_KEYRING: Final = -3
KEY_SPEC_USER_KEYRING: Final = -4
KEY_SPEC_USER_SESSION_KEYRING: Final = -5
KEY_SPEC_REQKEY_AUTH_KEY: Final = -7
KEY_SPEC_REQUESTOR_KEYRING: Final = -8

KEYCTL_GET_KEYRING_ID: Final = 0
KEYCTL_JOIN_SESSION_KEYRING: Final = 1
KEYCTL_UPDATE: Final = 2
KEYCTL_REVOKE: Final = 3
KEYCTL_CHOWN: Final = 4
KEYCTL_SETPERM: Final = 5
KEYCTL_DESCRIBE: Final = 6
KEYCTL_CLEAR: Final = 7
KEYCTL_LINK: Final = 8
KEYCTL_UNLINK: Final = 9
KEYCTL_SEARCH: Final = 10
KEYCTL_READ: Final = 11
KEYCTL_INSTANTIATE: Final = 12
KEYCTL_NEGATE: Final = 13
KEYCTL_SET_REQKEY_KEYRING: Final = 14
KEYCTL_SET_TIMEOUT: Final = 15
KEYCTL_ASSUME_AUTHORITY: Final = 16
KEYCTL_GET_SECURITY: Final = 17
KEYCTL_SESSION_TO_PARENT: Final = 18
KEYCTL_REJECT: Final = 19
KEYCTL_INSTANTIATE_IOV: Final = 20
KEYCTL_INVALIDATE: Final = 21
KEYCTL_RESTRICT_KEYRING: Final = 29
KEYCTL_MOVE: Final = 30
KEYCTL_CAPABILITIES: Final = 31
KEYCTL_MOVE_EXCL: Final = 1
# Bounds, of a user and of root; those of root are lower than Linux has them, and hold for all users together.
MAX_KEYS: Final = 200  # kernel.keys.maxkeys
MAX_BYTES: Final = 20000
ROOT_KEYS: Final = 20000
ROOT_BYTES: Final = 8 << 20
# CAPABILITIES, INVALIDATE, RESTRICT_KEYRING, MOVE; names and tags by namespace
CAPABILITIES: Final = bytes((0xE1, 0x03))
