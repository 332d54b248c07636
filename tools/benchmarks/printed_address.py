"""The address that a starting service prints, for benchmarks and tests."""

import re
from collections.abc import Iterable

__all__ = ['printed_address']


def printed_address(lines: Iterable[str]) -> str:
    """Read what a service prints up to its address, and return that.

    Libraries may print warnings before the address.

    Raises:
        SystemExit: The service ended without an address. The message is what it printed.
    """
    printed = []
    for line in lines:
        printed.append(line)
        if found := re.search(r'http://\S+', line):
            return found[0]
    raise SystemExit(''.join(printed))
