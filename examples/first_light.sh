#!/bin/sh
# Run inside a sandbox by `make run`: $1 is a port on the host that was allowed, $2 one that was not.
set -u
failed=0
say() { printf '\n%s\n' "$*"; }

say "1. python3 resolves a name and fetches a page from a service in the sandbox's own network:"
python3 - <<'PY' || failed=1
import socket, urllib.request
name = "gateway.stackbox.internal"
print("  ", name, "is", ", ".join(sorted({info[4][0] for info in socket.getaddrinfo(name, 80)})))
with urllib.request.urlopen(f"http://{name}/") as answer:
    print("  ", answer.status, answer.read().decode().splitlines()[0])
PY

say "2. curl fetches a page from a server on the host that was allowed by name:"
curl --silent --show-error --fail "http://host.stackbox.internal:$1/" || failed=1

say "3. A server on the same host that was not allowed is refused:"
if curl --silent --show-error "http://host.stackbox.internal:$2/" 2>&1; then failed=1; fi
python3 - "$2" <<'PY' || failed=1
import errno, socket, sys
try:
    socket.create_connection(("host.stackbox.internal", int(sys.argv[1])))
    sys.exit("   it was not refused")
except PermissionError as error:
    print("  ", "connect:", errno.errorcode[error.errno], error.strerror)
PY

say "4. Inside, the host's files are there, and changes stay inside:"
echo "changed" >/etc/first-light && echo "   /etc/first-light: $(cat /etc/first-light); $(ls /usr/bin | wc -l) programs in /usr/bin; /root: $(ls -A /root | wc -l) files"
exit "$failed"
