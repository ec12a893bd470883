#!/usr/bin/env python3
"""Serves a folder of tests/fixtures/endpoints as the program that it was taken from would.

  recorded_server.py FOLDER [--gops]

FOLDER/answers has one line per request: "PATH STATUS TYPE FILE", '*' for any other path. "PATH STATUS TYPE FILE ACCEPT"
answers only those who ask for that media type. Prints "ready PORT", then "METHOD PATH" for each request.
With --gops it speaks the protocol of the gops agent instead: the answer to a command byte is the file command-NN, the
port goes to $HOME/.config/gops/PID, and each command is printed as "command NN".
"""
import http.server
import os
import socket
import sys

folder = sys.argv[1]


def read(name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def serve_gops():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    told = os.path.join(os.environ["HOME"], ".config/gops")
    os.makedirs(told, exist_ok=True)
    with open(os.path.join(told, str(os.getpid())), "w") as file:
        file.write(str(listener.getsockname()[1]))
    print("ready", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        command = connection.recv(1)
        print("command", command.hex(), flush=True)
        name = "command-" + command.hex()
        if os.path.exists(os.path.join(folder, name)):
            connection.sendall(read(name))
        connection.close()


class Answers(http.server.BaseHTTPRequestHandler):
    rows = []

    def do_GET(self):
        print(self.command, self.path, flush=True)
        accept = self.headers.get("Accept", "")
        for path, status, kind, name, *wanted in self.rows:
            if path in (self.path, "*") and (not wanted or wanted[0] in accept):
                break
        else:
            self.send_error(404)
            return
        body = b"" if name == "-" else read(name).replace(b"PATH", self.path.encode())
        self.send_response(int(status))
        self.send_header("Content-Type", kind.replace(";", "; "))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def log_message(self, *_):
        pass


if "--gops" in sys.argv:
    serve_gops()
Answers.rows = [line.split(" ") for line in read("answers").decode().splitlines() if line]
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
print("ready", server.server_port, flush=True)
server.serve_forever()
