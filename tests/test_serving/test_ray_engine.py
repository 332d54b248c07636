import sys

import pytest

from mmsxm.serving.ray_engine import serve_with_ray
from mmsxm.serving.service import Limits


def test_a_missing_ray_serve_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ImportError, match=r"pip install 'mmsxm\[serve-ray\]'"):
        serve_with_ray(lambda: None, '127.0.0.1', 8000, 1, Limits(), 1, 16, None, lambda: None)
