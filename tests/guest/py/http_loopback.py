import http.server, threading, urllib.request, os, urllib.error

os.makedirs("www")
open("www/index.html", "w").write("<p>hi</p>")
open("www/big", "wb").write(b"b" * 3000000)


class H(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *a):
        super().__init__(*a, directory="www")

    def log_message(self, *a):
        pass


s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
u = f"http://127.0.0.1:{s.server_port}"
print(urllib.request.urlopen(u + "/index.html").read(), len(urllib.request.urlopen(u + "/big").read()))
try:
    urllib.request.urlopen(u + "/none")
except urllib.error.HTTPError as e:
    print(e.code)
out = []


def get():
    out.append(len(urllib.request.urlopen(u + "/big").read()))


ts = [threading.Thread(target=get) for _ in range(5)]
[t.start() for t in ts]
[t.join() for t in ts]
print(out)
s.shutdown()
