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
        RuntimeError: A local cluster did not start in time.
    """
    import ray

    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        ray.init(
            address=os.environ.get('RAY_ADDRESS') or 'local',
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except Exception as error:  # of no other type in Ray
        if 'timed out during startup' not in str(error):
            raise
        raise RuntimeError(
            'Ray did not start within its 30 seconds, probably because this machine is busy. Start '
            'again.'
        ) from error
