"""Many short sandboxes, one after another: a fork server has imported once what each of them needs."""

from stackbox import ForkServer, Sandbox

with ForkServer() as server:
    for number in range(3):
        with Sandbox(network="none", fork_server=server.place) as box:
            done = box.run(f"echo $(({number} * {number}))", shell=True, capture_output=True, text=True)
            print(done.stdout, end="")
