"""Server of a review page."""

import signal
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from mmsxm.review.app import build_app
from mmsxm.review.session import Session
from mmsxm.review.worklist import Worklist
from mmsxm.serving.request_guard import RequestGuard, accepted_hosts

__all__ = ['make_server', 'serve']

MAX_CONNECTIONS = 512  # at a time; browsers keep up to six open, also idle ones


def make_server(worklist: Worklist, hosts: Collection[str] | None) -> uvicorn.Server:
    """Return a server of a worklist that answers under some host names only; None for any."""
    app = RequestGuard(build_app(worklist), hosts)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level='warning',
            access_log=False,
            server_header=False,
            ws='none',
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
    )


def serve(
    session: Session,
    listener: socket.socket,
    names: Collection[str] = (),
    alarms_only: bool = False,
) -> None:
    """Serve the page until stopped, then delete the images that operators added.

    Args:
        session: The network, the results and the log.
        listener: Socket that listens.
        names: Host names under which a proxy or other machines reach the page.
        alarms_only: Never show bags without an alarm.
    """
    hosts = accepted_hosts(listener.getsockname()[0], names)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory(prefix='mmsxm-review-') as uploads:
        server = make_server(Worklist(session, Path(uploads), alarms_only), hosts)
        with suppress(KeyboardInterrupt):  # uvicorn stops, and then raises the signal again
            server.run([listener])
