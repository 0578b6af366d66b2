"""A board in a thread behind a TCP port, or behind a pseudo-terminal."""

import os
import socket
import threading
import tty
from contextlib import contextmanager, suppress

from tests.hwsim.host.link_board import LinkBoard


@contextmanager
def on_tcp(board: LinkBoard):
    """The port's name, as the driver takes it; clients come one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve():
            while True:
                client = server.accept()[0]
                if over.is_set():
                    client.close()
                    return
                with client, suppress(ConnectionError):
                    while come := client.recv(4096):
                        client.sendall(board.feed(come))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp:127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            socket.create_connection(server.getsockname()).close()
            thread.join()


@contextmanager
def on_terminal(board: LinkBoard):
    """The name of a pseudo-terminal."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def serve():
        while come := os.read(ours, 4096):
            if come == b"\x7e\x7e\x7eover":
                return
            os.write(ours, board.feed(come))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.write(theirs, b"\x7e\x7e\x7eover")
        thread.join()
        os.close(ours)
        os.close(theirs)
