"""Work on a directory of the host: sources read-only, results written for real."""

import tempfile
from pathlib import Path

from stackbox import Mount, Sandbox

with tempfile.TemporaryDirectory() as name:
    source, results = Path(name, "source"), Path(name, "results")
    source.mkdir()
    results.mkdir()
    (source / "data").write_text("3\n1\n2\n")
    with Sandbox(network="none", mounts=[Mount(source, "/source", readonly=True), Mount(results, "/results")]) as box:
        box.run(["sh", "-c", "sort /source/data > /results/data"], check=True)
        print("refused" if box.run(["sh", "-c", "echo > /source/x 2>/dev/null"]).returncode else "written")
    print((results / "data").read_text().split())
