"""Ways of doing the same take turns, so that whatever else a machine does meets them all."""

import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Give seconds of each way, the median of the rounds after a first one to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return {name: statistics.median(own[1:]) for name, own in seconds.items()}
