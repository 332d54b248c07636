"""Server of the review page: hosts, content policy and style."""

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmsxm.review.app import build_page, light_theme
from mmsxm.review.page import regions_css
from mmsxm.review.session import Session

__all__ = ['serve']

# gradio uses inline scripts; nothing is loaded from other hosts
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'none'"
)
LIGHT_MODE = "() => document.body.classList.remove('dark')"


class OwnContentOnly:
    """Middleware whose policy blocks other hosts and forbids embedding the page in a frame."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the policy header to every response."""

        async def send_with_policy(message: Message) -> None:
            if message['type'] == 'http.response.start':
                header = (b'content-security-policy', POLICY.encode())
                message['headers'] = [*message['headers'], header]
            await send(message)

        await self.app(scope, receive, send_with_policy)


def marks_css(calibrated: list[float]) -> str:
    """Return CSS that marks the calibrated thresholds on their sliders."""
    return ''.join(
        f'#threshold-{number} {{ --calibrated: {mark:.4f}; }}\n'
        for number, mark in enumerate(calibrated)
    )


def serve(session: Session, host: str = '127.0.0.1', port: int = 7860) -> None:
    """Serve the page until stopped, then delete the uploads.

    Raises:
        OSError: The port is in use.
    """
    hosts = ['127.0.0.1', 'localhost'] if host in ('127.0.0.1', 'localhost') else ['*']
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory(prefix='mmsxm-review-') as uploads:
        os.environ['GRADIO_TEMP_DIR'] = uploads
        build_page(session).launch(
            server_name=host,
            server_port=port,
            share=False,
            footer_links=[],
            enable_monitoring=False,
            theme=light_theme(),
            css=Path(__file__).with_name('app.css').read_text()
            + marks_css(session.calibrated)
            + regions_css(len(session.classes)),
            js=LIGHT_MODE,
            app_kwargs={
                'middleware': [
                    Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
                    Middleware(OwnContentOnly),
                ]
            },
        )
