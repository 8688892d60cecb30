"""Our stack and the host's kernel over the same bad link, and two kernels over it beside them: `python -m tools.linux_peer`.

    namespace A            namespace W                namespace R              either: namespace B, a kernel
    kernel, 10.9.1.2 ----- wire.py, which spoils ---- kernel that forwards --- or: our stack on a tap,
               1500        frames both ways           10.9.1.1, 10.9.2.1               10.9.2.2

Every namespace is of this program's own; nothing leaves them. W's interfaces have no offloads, so that each packet is spoilt
by itself. R's link to the far end can be made narrower while text flows: R says so by ICMP.
"""
