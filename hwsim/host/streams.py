"""Streams of bytes to an accelerator: a serial port, a pseudo-terminal, a TCP connection."""

import select
import socket
import time
from typing import Any

from .errors import BadValue, HostError
from .link import Link

_WAIT = 0.02
"""Seconds that a port waits for a byte before the clock is looked at: it takes another time only with all its settings."""


class SerialPort:
    """A serial port or a pseudo-terminal, 8N1 without flow control; needs pyserial.

    Parameters
    ----------
    name
        As the system calls it: ``/dev/ttyUSB0``, ``COM3``, ``/dev/pts/4``.
    baud
        Bits per second.

    Raises
    ------
    HostError
        If it cannot be opened, or pyserial is not installed.
    """

    def __init__(self, name: str, baud: int) -> None:
        try:
            import serial
        except ImportError:
            raise HostError(f"{name}: a serial port needs pyserial: pip install pyserial") from None
        self._name, self._lost = name, (serial.SerialException, OSError, TypeError)  # the last if it is closed meanwhile
        try:
            self._port: Any = serial.Serial(name, baud, timeout=_WAIT, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as e:
            raise HostError(f"{name}: cannot be opened: {e}") from None

    def write(self, line: bytes) -> None:
        """Send all of these."""
        try:
            self._port.write(line)
        except self._lost as e:
            raise HostError(f"{self._name}: is gone: {e}") from None

    def read(self, at_most: int, seconds: float) -> bytes:
        """What has come, as soon as anything has."""
        try:
            end, come = time.monotonic() + seconds, b""
            while not come and ((waits := self._port.in_waiting) or time.monotonic() < end):
                come = self._port.read(min(max(waits, 1), at_most))
            return come
        except self._lost as e:
            raise HostError(f"{self._name}: is gone: {e}") from None

    def close(self) -> None:
        """Give the port back."""
        self._port.close()


class Connection:
    """A TCP connection, to a simulated board or to a port that is somewhere else.

    Parameters
    ----------
    host, port
        Whom to call.
    seconds
        Within which the call is answered, and what is sent is taken.

    Raises
    ------
    HostError
        If nobody answers.
    """

    def __init__(self, host: str, port: int, seconds: float = 10.0) -> None:
        self._name = f"tcp:{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), seconds)
        except OSError as e:
            raise HostError(f"{self._name}: no connection: {e}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, line: bytes) -> None:
        """Send all of these."""
        try:
            self._socket.sendall(line)
        except OSError as e:
            raise HostError(f"{self._name}: the connection is gone: {e}") from None

    def read(self, at_most: int, seconds: float) -> bytes:
        """What has come, as soon as anything has."""
        try:
            if not select.select([self._socket], [], [], seconds)[0]:
                return b""
            come = self._socket.recv(at_most)
        except (OSError, ValueError) as e:
            raise HostError(f"{self._name}: the connection is gone: {e}") from None
        if not come:
            raise HostError(f"{self._name}: the other end has closed the connection")
        return come

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def open_port(text: str, baud: int = 115200) -> SerialPort | Connection:
    """The stream that a text names.

    Parameters
    ----------
    text
        A serial port's name, or ``tcp:host:port``.
    baud
        Bits per second of a serial port.

    Raises
    ------
    BadValue
        If the text names neither.
    HostError
        If there is none such, or it cannot be opened.
    """
    kind, _, rest = text.partition(":")
    if kind != "tcp":
        if not text or baud < 1:
            raise BadValue(f"port {text!r} at {baud} baud: must be a name, or tcp:host:port, and at least 1")
        return SerialPort(text, baud)
    host, _, port = rest.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise BadValue(f"{text}: must be tcp:host:port with a port of 1 to 65535")
    return Connection(host.strip("[]"), int(port))


def connect(text: str, baud: int = 115200, **options: Any) -> Link:
    """A link through what :func:`open_port` opens; ``options`` are those of :class:`hwsim.host.link.Link`."""
    stream = open_port(text, baud)
    try:
        return Link(stream, **({"byte_seconds": 10 / baud if isinstance(stream, SerialPort) else 0.0} | options))
    except BaseException:
        stream.close()
        raise
