"""Python threads that wait: a lock, sleep, accept, a condition."""
import socket, threading, time

lock = threading.Lock()
lock.acquire()
listener = socket.create_server(("127.0.0.1", 0))


def nested(depth, wait):
    return nested(depth - 1, wait) if depth else wait()


for wait in (lock.acquire, lambda: time.sleep(3600), listener.accept, threading.Event().wait):
    threading.Thread(target=nested, args=(5, wait), daemon=True).start()
time.sleep(1)
print("ready", flush=True)
threading.Event().wait()
