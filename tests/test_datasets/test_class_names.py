import pytest
from mmengine.config import ConfigDict

from mmsxm.datasets import SIXray
from mmsxm.datasets.class_names import configured_classes


@pytest.mark.parametrize(
    ('config', 'classes'),
    [
        ({'type': 'mmsxm.SIXray'}, SIXray.METAINFO['classes']),
        ({'type': 'mmsxm.SIXray', 'classes': ['Gun']}, ('Gun',)),
        ({'type': 'mmsxm.CocoXray', 'metainfo': {'classes': ['Gun', 'Bat']}}, ('Gun', 'Bat')),
    ],
)
def test_classes_of_the_config_override_those_of_the_type(config, classes):
    assert configured_classes(ConfigDict(config)) == classes


def test_classes_that_are_only_in_the_annotations_are_an_error():
    with pytest.raises(ValueError, match=r'mmsxm\.CocoXray does not name its classes'):
        configured_classes(ConfigDict({'type': 'mmsxm.CocoXray'}))
