"""Hand files in, run a tool on them, take the result out."""

from stackbox import Sandbox

with Sandbox(network="none") as box:
    box.write_file("/tmp/in/words", "pear\napple\nfig\n")
    box.run(["sh", "-c", "sort /tmp/in/words > /tmp/sorted"], check=True)
    print(box.read_file("/tmp/sorted").decode(), end="")
