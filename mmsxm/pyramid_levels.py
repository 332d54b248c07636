"""Names of the pyramid levels that are refined and fused, fine to coarse."""

__all__ = ['LEVELS', 'level_names']

LEVELS = ('P3', 'P4', 'P5')


def level_names(count: int) -> tuple[str, ...]:
    """Return the names of a network's levels; the last one is always P5."""
    return LEVELS[len(LEVELS) - count :]
