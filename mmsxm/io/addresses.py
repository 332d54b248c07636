"""Addresses that a server of this package listens on."""

import ipaddress
import socket

__all__ = ['is_local', 'is_loopback', 'listen', 'url_of']


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches an address; names other than localhost do not."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == 'localhost'


def is_local(host: str) -> bool:
    """Return whether only this machine can reach an address or host name.

    Raises:
        OSError: The name has no address.
    """
    try:
        found = socket.getaddrinfo(host or None, 0, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(error.errno, f'no address found ({error.strerror})', host) from error
    addresses = [str(address[4][0]).split('%')[0] for address in found]
    return all(map(is_loopback, addresses))


def listen(host: str, port: int, server: str = 'The service') -> socket.socket:
    """Return a socket that listens on an address.

    Args:
        host: Address or name of this machine.
        port: Port; 0 takes a free one.
        server: What listens, for the message.

    Raises:
        OSError: The address is in use, or is not an address of this machine.
    """
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f'{server} cannot listen on {host}, port {port}: {error.strerror}. Use another --host '
            'or --port.'
        ) from error


def url_of(listener: socket.socket) -> str:
    """Return the URL of a server that listens on a socket."""
    host, port = listener.getsockname()[:2]
    return f'http://[{host}]:{port}/' if ':' in host else f'http://{host}:{port}/'
