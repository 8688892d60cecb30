"""A client and a server that have never heard of a stack, over one: here the standard library's XML-RPC.

    python examples/own_library.py

For as long as `patched` lasts, `socket.socket` and the names of hosts lead to the stack. With a tap in it, what requests, redis-py,
paramiko or aiohttp send goes out there.
"""

import threading
from xmlrpc.client import ServerProxy
from xmlrpc.server import SimpleXMLRPCServer

from tcpip.adapters.monkey import patched
from tcpip.adapters.sockets import ThreadedStack
from tcpip.clock import MonotonicClock
from tcpip.stack.stack import Stack


def main() -> None:
    stack = Stack(MonotonicClock())
    with ThreadedStack(stack) as host, patched(host, {"powers.test": ["127.0.0.1"]}):
        with SimpleXMLRPCServer(("127.0.0.1", 80), logRequests=False) as server:
            server.register_function(lambda base, exponent: base**exponent, "power")
            threading.Thread(target=server.serve_forever, args=(0.01,)).start()
            with ServerProxy("http://powers.test/") as proxy:
                print(proxy.power(3, 4))
            server.shutdown()
        print(stack.stats.tcp["InSegs"], "segments came in")


if __name__ == "__main__":
    main()
