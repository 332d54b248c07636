"""The time, as it stands in results and logs."""

from datetime import datetime, timezone

__all__ = ['now']


def now() -> str:
    """Tell the time: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec='milliseconds')
