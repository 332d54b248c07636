"""Server of an application on this machine, which stops only after all accepted answers."""

import logging
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from mmsxm.serving.service import ScreeningService

__all__ = ['KEEP_ALIVE', 'Server', 'serve']

# Seconds that an idle connection stays open: longer than those of proxies (nginx 60, Caddy 120). A
# proxy that sends an image while the service closes the connection cannot send it again.
KEEP_ALIVE = 180


class Server(uvicorn.Server):
    """uvicorn, except for what a signal does.

    After the first SIGINT or SIGTERM, the service refuses new requests with 503, and the server
    ends when all accepted requests are answered. A second signal ends the process immediately.

    Args:
        config: Configuration of uvicorn.
        service: The service behind the application.
    """

    def __init__(self, config: uvicorn.Config, service: ScreeningService) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the service; the next signal of this kind is not handled."""
        signal.signal(sig, signal.SIG_DFL)
        self.service.stop()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; uvicorn asks ten times per second."""
        is_done = self.service.stopping and self.service.queue_length == 0
        return await super().on_tick(counter) or is_done


def serve(app: ASGIApp, service: ScreeningService, listener: socket.socket) -> None:
    """Serve an application until SIGINT or SIGTERM.

    Args:
        app: Application of the service.
        service: The service.
        listener: Socket that listens.
    """
    config = uvicorn.Config(
        app,
        access_log=False,  # it would contain the names of images
        log_level=logging.WARNING,
        server_header=False,
        ws='none',
        timeout_keep_alive=KEEP_ALIVE,
    )
    Server(config, service).run([listener])
