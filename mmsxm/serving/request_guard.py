"""Guard of a local server: which requests are answered, and what browsers may do with answers.

Any website that an operator visits can send requests to a server on the same machine. The guard
refuses requests under other host names (DNS rebinding), from other sites (cross-site request
forgery), and prevents browsers from loading anything from elsewhere and from showing the page in a
frame.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmsxm.io.addresses import is_local

__all__ = ['LOOPBACK', 'RequestGuard', 'accepted_hosts', 'refusal']

HEADERS = {
    'content-security-policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',  # images of bags do not stay in the browser's cache
}
LOOPBACK = frozenset(('localhost', '127.0.0.1', '::1'))


def accepted_hosts(host: str, names: Collection[str] = ()) -> frozenset[str] | None:
    """Return the host names under which a server is reached; None for any.

    Args:
        host: Address that the server listens on, or its name.
        names: Names that a proxy or another machine uses for it.

    Raises:
        OSError: The name of the address is unknown.
    """
    others = frozenset(name.lower() for name in names)
    if is_local(host):
        return LOOPBACK | {host.lower()} | others
    return others or None


def refusal(path: str, headers: Headers, hosts: Collection[str] | None) -> str | None:
    """Return why a request is refused; None if it is not."""
    host = headers.get('host', '')
    if hosts is not None and _hostname(host) not in hosts:
        return (
            'This host name is not accepted. Use the address that the server printed, or start it '
            'with --allow-host (review page) or --token-file (service).'
        )
    origin = headers.get('origin')
    if origin is not None and not _is_own(origin, host, hosts or ()):
        return 'The request comes from another page.'
    site = headers.get('sec-fetch-site', 'none')
    is_link = path == '/' and headers.get('sec-fetch-mode') == 'navigate'
    if site not in ('none', 'same-origin') and not is_link:
        return 'The request comes from another site.'
    return None


def _hostname(netloc: str) -> str | None:
    try:
        return urlsplit(f'//{netloc}').hostname
    except ValueError:
        return None


def _is_own(origin: str, host: str, hosts: Collection[str]) -> bool:
    netloc = origin.partition('://')[2].lower()
    # a proxy may replace the host; another port of this machine is another page
    return netloc == host.lower() or _hostname(netloc) in set(hosts) - LOOPBACK


class RequestGuard:
    """Middleware that refuses requests from elsewhere and adds headers to every response.

    Args:
        app: The application.
        hosts: Accepted host names, None for any.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_guarded(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope['type'] != 'http':
            await self.app(scope, receive, send)
        elif reason := refusal(scope['path'], Headers(scope=scope), self.hosts):
            await JSONResponse({'detail': reason}, 403)(scope, receive, send_guarded)
        else:
            await self.app(scope, receive, send_guarded)
