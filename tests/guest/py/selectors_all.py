import selectors, socket, os, select
for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
    with kind() as sel:
        a, b = socket.socketpair(); r, w = os.pipe()
        sel.register(a, selectors.EVENT_READ | selectors.EVENT_WRITE, "sock"); sel.register(r, selectors.EVENT_READ, "pipe")
        print(kind.__name__, sorted((k.data, e) for k, e in sel.select(0)))
        b.send(b"x"); os.write(w, b"y")
        print(sorted((k.data, e) for k, e in sel.select(0)))
        sel.modify(a, selectors.EVENT_READ, "sock"); a.recv(1); os.read(r, 1)
        print(sel.select(0.02)); b.close(); os.close(w)
        print(sorted((k.data, e) for k, e in sel.select(1)))
        sel.unregister(a); sel.unregister(r); a.close(); os.close(r)
e = select.epoll(); r, w = os.pipe(); e.register(w, select.EPOLLOUT | select.EPOLLET); print(len(e.poll(0)), len(e.poll(0))); os.close(r); print(e.poll(1)[0][1])
