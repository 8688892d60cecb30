import socket, ssl, subprocess, threading

subprocess.run(
    [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "k",
        "-out",
        "c",
        "-days",
        "9",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ],
    check=True,
    stderr=subprocess.DEVNULL,
)
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain("c", "k")
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    with server.wrap_socket(listener.accept()[0], server_side=True) as s:
        data = b""
        while len(data) < 300000:
            data += s.recv(65536)
        s.sendall(data[::-1])


t = threading.Thread(target=serve)
t.start()
client = ssl.create_default_context(cafile="c")
with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="localhost") as s:
    print(s.version(), s.getpeercert()["subject"])
    s.sendall(b"ab" * 150000)
    got = b""
    while len(got) < 300000:
        got += s.recv(65536)
    print(got == b"ba" * 150000)
t.join()
import os

os.unlink("k"), os.unlink("c")
print(ssl.RAND_status(), len(os.urandom(8)))
