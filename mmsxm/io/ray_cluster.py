"""The Ray cluster on which screening and the service run."""

import logging
import os

__all__ = ['join_cluster']


def join_cluster() -> None:
    """Join the cluster of ``RAY_ADDRESS``, or start one on this machine.

    Without an address, Ray would join the last cluster started on this machine. If that cluster
    died, Ray waits for it forever.

    Raises:
        ImportError: Ray is not installed.
    """
    import ray

    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    ray.init(
        address=os.environ.get('RAY_ADDRESS') or 'local',
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
