"""Parameters of registered classes and functions."""

import pytest
import torch
from mmengine.runner import Runner

from mmsxm.engine.signatures import find_model, find_types, read_defaults, read_parameters
from mmsxm.models import FPN


class Base:
    def __init__(self, depth: int = 50, width: int = 64) -> None: ...


class Passing(Base):
    def __init__(self, levels: int, depth: int = 18, **kwargs: object) -> None: ...


class Inheriting(Base):
    pass


def function(image: object, *args: object, scale: float = 1.0) -> None: ...


@pytest.mark.parametrize(
    ('kind', 'names', 'complete'),
    [
        (Base, {'depth', 'width'}, True),
        (Inheriting, {'depth', 'width'}, True),
        (Passing, {'levels', 'depth', 'width'}, False),
        (function, {'image', 'scale'}, True),
        (object, set(), True),
    ],
)
def test_parameters_include_those_of_base_classes(
    kind: type, names: set[str], complete: bool
) -> None:
    assert read_parameters(kind) == (names, complete)


def test_defaults_are_those_of_the_class_itself() -> None:
    assert read_defaults(Passing) == {'depth': 18}
    assert read_defaults(Inheriting) == {'depth': 50, 'width': 64}
    assert read_defaults(None) == {}


@pytest.mark.usefixtures('scope')
def test_registered_names_and_dotted_paths_are_found() -> None:
    assert find_types('mmsxm.FPN') == [FPN]
    assert torch.optim.AdamW in find_types('AdamW')
    assert find_types('mmengine.runner.Runner') == [Runner]
    assert find_types('Absent') == []
    assert find_model('mmsxm.FPN') is FPN
    assert find_model('mmengine.runner.Runner') is None
