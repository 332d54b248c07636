"""Alternating measurements, so that other load on a machine affects all candidates equally."""

import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return the median seconds of each candidate, over rounds that follow one for warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, candidate in candidates.items():
            start = clock()
            candidate()
            seconds[name].append(clock() - start)
    return {name: statistics.median(measured[1:]) for name, measured in seconds.items()}
