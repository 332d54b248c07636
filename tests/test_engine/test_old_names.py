"""Old names of classes, which user configs may still contain."""

import pytest

from mmsxm import engine
from mmsxm.registry import HOOKS


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('HandoverHook', engine.StageTransferHook),
        ('PictureHook', engine.PredictionPictureHook),
        ('SameDataHook', engine.DatasetFingerprintHook),
        ('StopHook', engine.GracefulStopHook),
    ],
)
def test_a_renamed_hook_is_built_by_its_old_name_with_a_warning(old: str, new: type) -> None:
    settings = {'out_dir': 'pictures'} if old == 'PictureHook' else {}
    with pytest.warns(DeprecationWarning, match=f'mmsxm.{old} is now called mmsxm.{new.__name__}'):
        hook = HOOKS.build(dict(type=f'mmsxm.{old}', **settings))
    assert isinstance(hook, new)
