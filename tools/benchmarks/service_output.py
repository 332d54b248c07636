"""What a service prints when it starts and stops, for benchmarks and tests."""

import re
from collections.abc import Iterable

__all__ = ['printed_address', 'printed_totals']


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


def printed_totals(lines: Iterable[str]) -> tuple[int, int]:
    """Read what mmsxm serve prints up to its end; return the accepted and answered requests.

    Raises:
        SystemExit: It did not stop regularly. The message is what it printed.
    """
    printed = ''.join(lines)
    pattern = r'mmsxm serve: stopped\. Requests: (\d+) accepted, (\d+) answered\n$'
    if not (found := re.search(pattern, printed)):
        raise SystemExit(f'The service did not print its totals:\n{printed}')
    return int(found[1]), int(found[2])
