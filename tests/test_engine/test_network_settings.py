"""Settings that distinguish networks whose weights match."""

from typing import Any

import pytest

from mmsxm.engine.network_settings import (
    complete_model,
    differing_settings,
    require_same_settings,
    result_settings,
    settings_digest,
    trained_model,
    without_pretrained_weights,
)

# registers the networks whose defaults are compared
pytestmark = pytest.mark.usefixtures('scope')

MODEL: dict[str, Any] = dict(
    type='mmsxm.SXMNet',
    data_preprocessor=dict(num_classes=2, mean=[1.0], std=[1.0], to_rgb=True, to_onehot=True),
    backbone=dict(type='ResNet', depth=18, out_indices=(1, 2, 3)),
    neck=dict(type='mmsxm.FPN', in_channels=[128, 256, 512], out_channels=64),
    attention_head=dict(type='mmsxm.BottomUpAttentionHead', in_channels=64, loss_weight=0.0),
    refinement=dict(type='mmsxm.NormalizedRefinement'),
    head=dict(type='mmsxm.MetaFusionHead', num_classes=2, in_channels=[64, 64, 64]),
)


def changed(part: str, **settings: Any) -> dict[str, Any]:
    return {**MODEL, part: {**MODEL[part], **settings}}


def names(model: dict[str, Any]) -> list[str]:
    return [name for name, *_ in differing_settings(result_settings(MODEL), result_settings(model))]


@pytest.mark.parametrize(
    ('model', 'name'),
    [
        (changed('refinement', type='mmsxm.ProductRefinement'), 'model.refinement.type'),
        (changed('attention_head', concat='before'), 'model.attention_head.concat'),
        (changed('data_preprocessor', to_rgb=False), 'model.data_preprocessor.to_rgb'),
        (changed('backbone', strides=(1, 2, 2, 1)), 'model.backbone.strides'),
        (changed('backbone', norm_cfg=None), 'model.backbone.norm_cfg'),
        (changed('neck', type='mmsxm.HierarchicalRefinement'), 'model.neck.type'),
        ({**MODEL, 'neck': None}, 'model.neck'),
    ],
)
def test_settings_that_change_results_are_reported(model: dict[str, Any], name: str) -> None:
    assert names(model) == [name]


@pytest.mark.parametrize(
    'model',
    [
        changed('backbone', init_cfg=dict(type='Pretrained', checkpoint='a.pth')),
        changed('backbone', frozen_stages=2, norm_eval=True, with_cp=True),
        changed('backbone', out_indices=[1, 2, 3]),
        changed('backbone', type='mmpretrain.ResNet'),
        changed('attention_head', loss_weight=1.0),
        changed('attention_head', concat='after', stride=4),  # the defaults
        changed('head', loss_meta_weight=0.0),
        changed('data_preprocessor', type='ClsDataPreprocessor'),
        changed('data_preprocessor', mean=[1], std=(1.0,)),
        changed('backbone', norm_cfg=dict(type='SyncBN', requires_grad=True)),
        {**MODEL, 'frozen': ('backbone',), 'train_cfg': None},
    ],
)
def test_training_settings_and_explicit_defaults_are_ignored(
    model: dict[str, Any],
) -> None:
    assert names(model) == []
    assert settings_digest(model, {}) == settings_digest(MODEL, {})


def test_the_digest_covers_the_network_and_its_input() -> None:
    product = changed('refinement', type='mmsxm.ProductRefinement')
    digests = {
        settings_digest(MODEL, {'size': [64, 64]}),
        settings_digest(MODEL, {'size': [96, 96]}),
        settings_digest(product, {'size': [64, 64]}),
    }
    assert len(digests) == 3


def test_the_message_names_the_setting_its_values_and_the_fix() -> None:
    product = changed('refinement', type='mmsxm.ProductRefinement')
    with pytest.raises(
        ValueError,
        match=r'a\.pth was trained with a different network than demo: model\.refinement\.type is '
        r'NormalizedRefinement in the checkpoint and ProductRefinement in the config\. Use',
    ):
        require_same_settings(product, MODEL, 'demo', 'a.pth')


def test_names_from_a_checkpoint_are_not_imported() -> None:
    """The module ``this`` prints a poem when it is imported."""
    import sys

    sys.modules.pop('this', None)
    settings = result_settings({'backbone': {'type': 'this.s', 'depth': 18}})
    assert settings['backbone'] == {'type': 'this.s', 'depth': 18}
    assert 'this' not in sys.modules


@pytest.mark.parametrize(
    'text',
    [
        "model = dict(type=__import__('os').system('true'))",
        'model = [x for x in ()]',
        'model = (',
        'model = ' + '(' * 500 + ')' * 500,
        'model = dict(1)',
        'model = dict(**1)',
        'model = {[1]: 2}',
        'model = {1: 2}',
        f'model = [{"0," * 600_000}]',
        'model = 3',
        'lr = 0.1',
    ],
)
def test_code_in_the_text_of_a_config_is_not_run(text: str) -> None:
    assert trained_model({'cfg': text}) is None


def test_the_model_is_parsed_from_the_text_of_a_config() -> None:
    text = "a = 1\nmodel = dict(dict({'head.fcs': -1}), type='A', levels=(1, 2), b=[dict(c=None)])"
    assert trained_model({'cfg': text}) == {
        'head.fcs': -1,
        'type': 'A',
        'levels': (1, 2),
        'b': [{'c': None}],
    }
    assert trained_model({}) is None


def test_networks_are_built_without_downloading_weights() -> None:
    model = dict(
        backbone=dict(type='TIMMBackbone', model_name='resnet18', pretrained=True),
        neck=dict(init_cfg=[dict(type='Xavier')]),
    )
    assert without_pretrained_weights(model) == dict(
        backbone=dict(type='TIMMBackbone', model_name='resnet18', pretrained=False),
        neck=dict(init_cfg=None),
    )


def test_a_preprocessor_next_to_the_model_is_included() -> None:
    """Configs of mmpretrain set it there, and the runner moves it into the model."""
    inside, (preprocessor, without_preprocessor) = MODEL, (MODEL['data_preprocessor'], dict(MODEL))
    del without_preprocessor['data_preprocessor']
    complete = complete_model({'model': without_preprocessor, 'data_preprocessor': preprocessor})
    assert settings_digest(complete, {}) == settings_digest(inside, {})
    text = f'data_preprocessor = {preprocessor!r}\nmodel = {without_preprocessor!r}'
    assert trained_model({'cfg': text}) == complete


def test_untrusted_text_in_messages_is_shortened_and_escaped() -> None:
    hostile = changed('backbone', type='\x1b[2J' + 'a' * 100_000)
    with pytest.raises(ValueError, match=r'model\.backbone\.type is ') as raised:
        require_same_settings(MODEL, hostile, 'demo', 'a.pth')
    assert len(str(raised.value)) < 500
    assert '\x1b' not in str(raised.value)


def test_settings_that_are_not_dicts_are_compared() -> None:
    with pytest.raises(ValueError, match='data_preprocessor'):
        require_same_settings(MODEL, {**MODEL, 'data_preprocessor': 5}, 'demo', 'a.pth')
