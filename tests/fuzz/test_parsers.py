"""Whatever a file holds, its reader gives a result or an error of ours (docs/reliability.md)."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from feeding import Fed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsers import PARSERS

INPUTS = 400  # to each
HANG = timedelta(seconds=10)  # none takes half a second where a core is free


@pytest.mark.filterwarnings('error::RuntimeWarning')  # numbers that are none
@pytest.mark.parametrize('name', PARSERS)
def test_damaged_files_are_read_or_refused_by_an_error_of_ours(name: str, tmp_path: Path) -> None:
    parser = PARSERS[name]

    @settings(
        max_examples=INPUTS,
        derandomize=True,
        deadline=HANG,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False).map(parser.inputs))
    def feed(data: bytes) -> None:
        fed = Fed(parser, tmp_path, data)
        if fed.foreign:
            raise fed.error

    feed()


@pytest.mark.parametrize('name', PARSERS)
def test_what_is_damaged_was_whole(name: str, tmp_path: Path) -> None:
    """A reader that refuses everything would pass."""
    parser = PARSERS[name]
    fed = (Fed(parser, tmp_path, parser.inputs(Random(seed))) for seed in range(200))
    assert any(each.error is None for each in fed)
