"""Bar charts of how often each level is chosen."""

from pathlib import Path

import numpy as np
import pytest

from mmsxm.visualization.bars import BarPanel, plot_bars


# the mean of three equal shares is rounded down, and up
@pytest.mark.parametrize(('count', 'total'), [(5, 1167), (21, 313)])
def test_runs_with_equal_shares_are_drawn(count: int, total: int, tmp_path: Path) -> None:
    shares = np.array([[100 * count / total, 0, 100 * (total - count) / total]] * 3)
    assert shares.mean(axis=0)[0] != shares[0, 0]
    plot_bars([BarPanel('labels', {'MF-I': shares})], ['P3', 'P4', 'P5'], tmp_path / 'bars.png')
    assert (tmp_path / 'bars.png').stat().st_size > 0
