"""What a stream socket's peer has not taken yet."""

from __future__ import annotations

import _socket


def send_pending(sock: _socket.socket, pending: bytearray, most: int) -> bool:
    """Send what there is room for, and take it off `pending`. False: hang up; the peer is gone, or leaves more than
    `most` bytes unread."""
    try:
        while pending:
            done = sock.send(pending)
            del pending[:done]
    except BlockingIOError:
        return len(pending) <= most
    except OSError:
        return False
    return True
