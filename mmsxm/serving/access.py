"""Who may use a service: those who have its token."""

import hmac
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ['PUBLIC', 'TokenMiddleware', 'read_token']

SHORTEST = 16  # characters of a token
PUBLIC = '/health'  # path that needs no token


def read_token(path: Path) -> str:
    """Read the token from a file with one line.

    Raises:
        OSError: The file cannot be read.
        ValueError: The token is too short, or contains characters that a header cannot carry.
    """
    token = path.read_bytes().strip()
    if len(token) < SHORTEST or not all(0x21 <= byte <= 0x7E for byte in token):
        raise ValueError(
            f'{path} contains no valid token: use one line of at least {SHORTEST} letters and '
            'digits. Create one with: python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return token.decode('ascii')


class TokenMiddleware:
    """Answer 401 to requests without the token, except those to ``/health``.

    Args:
        app: The protected application.
        token: The token that ``Authorization: Bearer TOKEN`` must carry.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or call the application."""
        if scope['type'] != 'http' or scope['path'] == PUBLIC or self._is_authorized(scope):
            await self.app(scope, receive, send)
            return
        response = JSONResponse(
            {'detail': 'Send the token of this service: Authorization: Bearer TOKEN.'},
            401,
            {'WWW-Authenticate': 'Bearer'},
        )
        await response(scope, receive, send)

    def _is_authorized(self, scope: Scope) -> bool:
        scheme, _, given = dict(scope['headers']).get(b'authorization', b'').partition(b' ')
        # takes the same time for every wrong token of this length
        return scheme.lower() == b'bearer' and hmac.compare_digest(given.strip(), self.token)
