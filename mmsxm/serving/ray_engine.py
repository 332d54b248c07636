"""The service on several machines, as a deployment of Ray Serve."""

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from mmsxm.inference.backends import Backend
from mmsxm.io.ray_cluster import join_cluster
from mmsxm.serving.app import build_app
from mmsxm.serving.request_guard import accepted_hosts
from mmsxm.serving.server import KEEP_ALIVE
from mmsxm.serving.service import Limits, ScreeningService

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ['serve_with_ray']

NAME = 'mmsxm'
GRACE = 60  # seconds that a replica may take to answer what it accepted
LOGGING = {'enable_access_log': False}  # it would contain the names of images


def serve_with_ray(
    load: Callable[[], Backend],
    host: str,
    port: int,
    replicas: int,
    limits: Limits,
    workers: int,
    batch_size: int,
    token: str | None,
    started: Callable[[], None],
) -> None:
    """Serve on the cluster of ``RAY_ADDRESS`` or a local one, until interrupted.

    Ray's proxy listens on the machine of each node. It sends a request to any of the replicas; each
    runs the application of :func:`~mmsxm.serving.app.build_app` with its own queue. Ray replaces a
    replica that dies.

    Args:
        load: Load the network, on any machine.
        host: Address to listen on.
        port: Port to listen on.
        replicas: Number of networks.
        limits: What each replica accepts.
        workers: Processes per replica that decode images.
        batch_size: Images per batch.
        token: Token that requests must carry; None allows all.
        started: Called when the replicas are ready.

    Raises:
        ImportError: Ray Serve is not installed.
        RuntimeError: Ray Serve already runs on the cluster.
    """
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise ImportError(
            f"--engine ray needs Ray Serve: {error}. pip install 'mmsxm[serve-ray]'"
        ) from None

    def build() -> 'FastAPI':  # runs in the replica
        return build_app(ScreeningService(load(), limits, workers, batch_size), token, hosts)

    hosts = accepted_hosts(host)
    join_cluster()
    status = serve.status()
    if status.applications or status.proxies:  # the shutdown below would stop them, too
        ray.shutdown()
        names = ', '.join(sorted(status.applications)) or 'without applications'
        raise RuntimeError(
            f'Ray Serve already runs on this cluster ({names}), with its own address and settings. '
            "Use another cluster, or stop it with 'serve shutdown' if it is no longer needed."
        )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # the handler of Ray exits immediately
        signal.signal(number, lambda *_: stopped.set())
    try:
        serve.start(
            proxy_location='EveryNode',
            http_options={'host': host, 'port': port, 'keep_alive_timeout_s': KEEP_ALIVE},
            logging_config=LOGGING,
        )
        deploy = serve.deployment(
            name=NAME,
            num_replicas=replicas,
            max_ongoing_requests=limits.queue + 1,  # a full queue answers 503 itself
            graceful_shutdown_timeout_s=GRACE,
            logging_config=LOGGING,
        )
        serve.run(deploy(serve.ingress(build)()).bind(), name=NAME)
        started()
        while not stopped.wait(1):  # a wait without a timeout would not notice a signal on Windows
            pass
    finally:
        serve.shutdown()  # replicas finish their requests
        ray.shutdown()
