"""Ports for processes that cannot choose one themselves. Linux only."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ['reserved_ports']


@contextmanager
def reserved_ports(number: int) -> Iterator[list[int]]:
    """Yield ports that the system gives to nobody, and that a process can listen on if told to.

    Sockets of this process are bound to them, so the system does not hand them out. A service can
    still listen on one, repeatedly, because all these sockets have SO_REUSEADDR, and those of this
    process do not listen.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for bound in sockets:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(('127.0.0.1', 0))
        yield [bound.getsockname()[1] for bound in sockets]
