"""Exported networks match PyTorch in ONNX Runtime and OpenVINO, and contain their metadata.

Export takes seconds, so each network is exported only once.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from feeding import Fed
from mmengine.model import BaseModule
from networks import EXPORTED
from torch import nn

from mmsxm.imaging.images import list_images, read_image
from mmsxm.imaging.preprocessing import Preprocessing, View
from mmsxm.inference.backends import ModelInfo, Prediction, load_backend
from mmsxm.inference.backends.openvino_backend import OpenVINOBackend
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.export import export, to_onnx, write_openvino
from mmsxm.inference.verdict import judge
from mmsxm.models import ScreeningNetwork
from mmsxm.registry import MODELS

onnx = pytest.importorskip('onnx', reason='needs the extra [onnx]')
pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')
pytest.importorskip('onnxscript', reason='needs the extra [onnx]')
ov = pytest.importorskip('openvino', reason='needs the extra [openvino]')

CLASSES = ('Gun', 'Knife', 'Wrench')
RESNET = dict(type='ResNet', depth=18, stem_channels=16, base_channels=16, out_indices=(1, 2, 3))
RESNET_FPN = dict(type='mmsxm.FPN', in_channels=[32, 64, 128], out_channels=16)
ATTENTION = dict(type='mmsxm.BottomUpAttentionHead', in_channels=16, loss_weight=0.0)
HEAD = dict(num_classes=len(CLASSES), in_channels=[16, 16, 16])
SXMNET = dict(
    neck=RESNET_FPN,
    attention_head=ATTENTION,
    refinement=dict(type='mmsxm.NormalizedRefinement'),
    head=dict(HEAD, type='mmsxm.MetaFusionHead'),
)
# pyramid sizes that are multiples of 7x7 (the pooled size of meta selection), divisors, neither
NETWORKS: dict[str, tuple[dict, tuple[int, int]]] = {
    'sxmnet-resnet': (dict(SXMNET, backbone=RESNET), (256, 224)),
    'sxmnet-mobilenet-v2': (
        dict(
            SXMNET,
            backbone=dict(type='MobileNetV2', widen_factor=0.5, out_indices=(2, 4, 7)),
            neck=dict(RESNET_FPN, in_channels=[16, 48, 1280]),
        ),
        (72, 104),
    ),
    'fpn-average': (
        dict(backbone=RESNET, neck=RESNET_FPN, head=dict(HEAD, type='mmsxm.AverageFusionHead')),
        (64, 90),
    ),
    'class-evidence': (
        dict(backbone=RESNET, neck=RESNET_FPN, head=dict(HEAD, type='mmsxm.ClassEvidenceHead')),
        (64, 90),
    ),
    'four-levels': (
        dict(
            backbone=dict(RESNET, out_indices=(0, 1, 2, 3)),
            neck=dict(RESNET_FPN, in_channels=[16, 32, 64, 128]),
            head=dict(HEAD, type='mmsxm.ClassEvidenceHead', in_channels=4 * [16]),
        ),
        (64, 90),
    ),
    'class-attention': (
        dict(
            backbone=RESNET,
            neck=RESNET_FPN,
            attention_head=dict(ATTENTION, num_maps=len(CLASSES)),
            refinement=dict(type='mmsxm.ClassAttentionPooling'),
            head=dict(HEAD, type='mmsxm.ClassAttentionHead'),
        ),
        (72, 104),
    ),
    'chr': (
        dict(
            backbone=RESNET,
            neck=dict(type='mmsxm.HierarchicalRefinement', in_channels=[32, 64, 128]),
            head=dict(HEAD, type='mmsxm.PerLevelHead', in_channels=[32, 64, 128]),
        ),
        (64, 90),
    ),
    'swin-average': (
        dict(
            backbone=dict(
                type='SwinTransformer',
                arch=dict(embed_dims=16, depths=[1, 2, 1], num_heads=[1, 2, 2]),
                window_size=4,
                out_indices=(0, 1, 2),
                pad_small_map=True,
            ),
            neck=dict(RESNET_FPN, in_channels=[16, 32, 64]),
            head=dict(HEAD, type='mmsxm.AverageFusionHead'),
        ),
        (64, 90),
    ),
}


@dataclass
class Exported:
    """Network with random weights; its files are ``path`` with ``.onnx`` and ``.xml``."""

    network: ScreeningNetwork
    info: ModelInfo
    path: Path


def run(network: ScreeningNetwork, images: np.ndarray) -> Prediction:
    with torch.no_grad():
        outputs = network(torch.from_numpy(images))
    return Prediction.from_outputs(*(output.numpy() for output in outputs))


def pictures(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return images of random color blocks, which differ more than noise images."""
    coarse = np.random.default_rng(0).integers(0, 256, (number, 8, 8, 3), dtype=np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in size)
    return np.ascontiguousarray(coarse[:, rows][:, :, columns])


@pytest.fixture(scope='module', params=NETWORKS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    from mmengine.registry import init_default_scope

    init_default_scope('mmpretrain')
    parts, size = NETWORKS[request.param]
    preprocessor = dict(mean=[110.0, 120.0, 130.0], std=[50.0, 60.0, 70.0], to_rgb=True)
    torch.manual_seed(0)
    model = MODELS.build(dict(parts, type='mmsxm.SXMNet', data_preprocessor=preprocessor))
    model.init_weights()
    if hasattr(model.head, 'evidence'):  # so that maps differ between images and have regions
        for conv in model.head.fcs:
            nn.init.normal_(conv.weight, std=1.0)
    # random weights score all images nearly alike, so this calibration spreads the scores
    scores = run(ScreeningNetwork(model, [1.0] * 3, [0.0] * 3), pictures(7, size)).scores
    logits = np.log(scores) - np.log1p(-scores)
    slope = 1 / logits.std(axis=0)
    offset = -slope * logits.mean(axis=0)
    calibration = Calibration(
        thresholds={'Gun': 0.25, 'Knife': 0.5, 'Wrench': 0.125},
        slope=dict(zip(CLASSES, slope.tolist(), strict=True)),
        offset=dict(zip(CLASSES, offset.tolist(), strict=True)),
        origin={'rate': 0.9},
    )
    preprocessing = Preprocessing(size, background=240)
    info = ModelInfo(request.param, CLASSES, preprocessing, calibration, 'd1' * 32)
    network = ScreeningNetwork(model, slope.tolist(), offset.tolist())
    path = tmp_path_factory.mktemp('exported') / 'network'
    data = to_onnx(network, info)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmsxm.inference.export.to_onnx', lambda *_: data)  # the slowest step
        for suffix in ('.onnx', '.xml'):
            assert export(network, info, path.with_suffix(suffix)) < 1e-4
    return Exported(network, info, path)


def test_a_network_with_too_many_levels_is_refused() -> None:
    head = dict(HEAD, type='mmsxm.ClassEvidenceHead', in_channels=9 * [16])
    preprocessor = dict(mean=[0.0] * 3, std=[1.0] * 3)
    model = MODELS.build(
        dict(type='mmsxm.SXMNet', backbone=RESNET, head=head, data_preprocessor=preprocessor)
    )
    with pytest.raises(ValueError, match='has 9 levels, but results have at most 8'):
        ScreeningNetwork(model, [1.0] * 3, [0.0] * 3)


def assert_agree(got: Prediction, want: Prediction) -> None:
    np.testing.assert_allclose(got.scores, want.scores, rtol=0, atol=1e-4)
    np.testing.assert_allclose(got.level_weights, want.level_weights, rtol=0, atol=1e-4)
    for name in ('attention_maps', 'class_maps'):
        actual, expected = getattr(got, name), getattr(want, name)
        if expected is None:
            assert actual is None
        else:
            assert actual is not None
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_all_backends_agree(exported: Exported, suffix: str) -> None:
    backend = load_backend(exported.path.with_suffix(suffix), threads=1)
    images = pictures(7, exported.info.preprocessing.size)
    want = run(exported.network, images)
    assert want.scores.std(axis=0).min() > 0.1  # scores differ between images
    assert_agree(backend(images), want)
    assert_agree(backend(images[:1]), run(exported.network, images[:1]))
    assert not np.allclose(backend(images[..., ::-1].copy()).scores, want.scores, atol=1e-2)


@pytest.mark.parametrize('number', [1, 7])
@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_all_backends_find_the_same_regions_with_their_classes(
    exported: Exported, suffix: str, number: int
) -> None:
    info = exported.info
    class_wise = exported.network.model.has_class_maps
    images = pictures(number, info.preparation.size)
    got, want = (
        load_backend(exported.path.with_suffix(suffix))(images),
        run(exported.network, images),
    )
    view = View((128, 128), (0, 0, 128, 128))
    labels = set()
    for i in range(number):
        actual, expected = (judge(info, each.image(i), view).regions for each in (got, want))
        assert [(region['bbox'], region.get('label')) for region in actual] == [
            (region['bbox'], region.get('label')) for region in expected
        ]
        for one, other in zip(actual, expected, strict=True):
            assert one['score'] == pytest.approx(other['score'], abs=1e-4)
        labels |= {region.get('label') for region in expected}
    if class_wise:
        assert want.class_maps is not None
        np.testing.assert_array_equal(want.class_maps.max(axis=1), want.attention_maps)
        assert labels == set(CLASSES)
    else:
        assert labels <= {None}


class Baked(BaseModule):
    """Backbone whose batch size becomes a constant when it is exported.

    It divides floats, as mmpretrain's Swin Transformer does.
    """

    def __init__(self, reshapes: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 8, stride=8)
        self.reshapes = reshapes

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.conv(x)
        number = int(x.shape[0] / 1.0)
        return (x.reshape(number, -1, 4, 4) if self.reshapes else x * number,)


def tiny(backbone: dict) -> tuple[ScreeningNetwork, ModelInfo]:
    head = dict(type='mmsxm.AverageFusionHead', num_classes=len(CLASSES), in_channels=[4])
    preprocessor = dict(mean=[110.0, 120.0, 130.0], std=[50.0, 60.0, 70.0])
    torch.manual_seed(0)
    cfg = dict(type='mmsxm.SXMNet', backbone=backbone, head=head, data_preprocessor=preprocessor)
    network = ScreeningNetwork(MODELS.build(dict(cfg, _scope_='mmpretrain')), [1.0] * 3, [0.0] * 3)
    preprocessing = Preprocessing((32, 32), background=240)
    info = ModelInfo('tiny', CLASSES, preprocessing, Calibration.default(CLASSES), 'd1' * 32)
    return network, info


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
@pytest.mark.parametrize(
    ('reshapes', 'complaint'),
    [
        (False, r'the scores of \w+ differ by 0\.\d+, but only 0\.0001'),
        (True, 'cannot run a batch of 1'),
    ],
    ids=['other values', 'fails'],
)
def test_a_wrong_export_is_not_written(
    suffix: str, reshapes: bool, complaint: str, tmp_path: Path
) -> None:
    network, info = tiny(dict(type=Baked, reshapes=reshapes))
    out = tmp_path / f'network{suffix}'
    for path in (out, out.with_suffix('.bin')):
        path.write_text('an earlier export')
    with pytest.raises(ValueError, match=rf'{suffix} was not written.*{complaint}.*with PyTorch'):
        export(network, info, out)
    assert {path.name for path in tmp_path.iterdir()} == {out.name, 'network.bin'}
    assert {path.read_text() for path in tmp_path.iterdir()} == {'an earlier export'}


@pytest.mark.parametrize(('suffix', 'runtime'), [('.onnx', 'onnxruntime'), ('.xml', 'openvino')])
def test_no_file_is_written_if_it_cannot_be_checked(
    suffix: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, runtime, None)  # simulate a missing package
    extra = {'.onnx': 'onnx', '.xml': 'openvino'}[suffix]
    with pytest.raises(ImportError, match=rf"needs {runtime}.*pip install 'mmsxm\[{extra}\]'"):
        export(*tiny(dict(type=Baked, reshapes=False)), tmp_path / f'network{suffix}')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_parallel_threads_get_their_own_results(exported: Exported, suffix: str) -> None:
    backend = load_backend(exported.path.with_suffix(suffix), threads=1)
    images = pictures(4, exported.info.preprocessing.size)
    want = [backend(images[i : i + 1]).scores for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda i: backend(images[i % 4 : i % 4 + 1]).scores, range(80)))
    for i, scores in enumerate(got):
        np.testing.assert_allclose(scores, want[i % 4], rtol=0, atol=1e-5)


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_backends_agree_on_real_bags(exported: Exported, suffix: str, real_data: Path) -> None:
    paths = list_images(real_data / 'sixray_mini' / 'JPEGImage')[:7]
    images = np.stack([exported.info.preprocessing(read_image(path))[0] for path in paths])
    backend = load_backend(exported.path.with_suffix(suffix), threads=1)
    assert_agree(backend(images), run(exported.network, images))


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_metadata_is_exported_with_the_network(exported: Exported, suffix: str) -> None:
    assert load_backend(exported.path.with_suffix(suffix)).info == exported.info


def test_the_graph_is_self_describing(exported: Exported) -> None:
    """The file contains names, types and channel order, for use without this package."""
    model = onnx.load(exported.path.with_suffix('.onnx'))
    onnx.checker.check_model(model, full_check=True)
    (images,) = model.graph.input
    assert images.name == 'images'
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    batch, *rest = images.type.tensor_type.shape.dim
    assert batch.dim_param
    assert [side.dim_value for side in rest] == [*exported.info.preprocessing.size, 3]
    network = exported.network.model
    maps = ['attention_map'] if network.attention_head else []
    maps = ['class_maps'] if network.has_class_maps else maps
    assert [output.name for output in model.graph.output] == ['scores', 'level_weights', *maps]
    (entry,) = model.metadata_props
    description = json.loads(entry.value)
    assert (description['layout'], description['channel_order']) == ('NHWC', 'BGR')
    assert description['digest'] == 'd1' * 32
    assert str(Path(__file__).parents[2]).encode() not in model.SerializeToString()


def nothing_of_ours(path: Path) -> None:
    """Write a minimal network, which adds a number to itself."""
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ('x', 'y')
    )
    node = onnx.helper.make_node('Add', ['x', 'x'], ['y'])
    opset = onnx.helper.make_opsetid('', 17)
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], 'double', [x], [y]), opset_imports=[opset], ir_version=8
    )
    if path.suffix == '.onnx':
        onnx.save(model, path)
    else:
        ov.save_model(ov.Core().read_model(model.SerializeToString()), path)


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_files_not_from_mmsxm_are_rejected(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'double{suffix}'
    nothing_of_ours(path)
    with pytest.raises(
        ValueError, match=rf'double{suffix} has no valid mmsxm metadata .* mmsxm export'
    ):
        load_backend(path)
    path.write_text('not a network')
    with pytest.raises(ValueError, match=rf'double{suffix} is not a network that .* can read'):
        load_backend(path)
    with pytest.raises(FileNotFoundError, match=f'nowhere{suffix}'):
        load_backend(tmp_path / f'nowhere{suffix}')


@pytest.mark.parametrize(
    ('name', 'backend'), [('n.onnx', 'openvino'), ('n.xml', 'torch'), ('n.py', 'onnxruntime')]
)
def test_a_file_for_another_backend_is_rejected(name: str, backend: str) -> None:
    with pytest.raises(ValueError, match=f'{name} needs the backend .*, not {backend}'):
        load_backend(name, backend=backend)


@pytest.mark.parametrize('name', ['n.onnx', 'n.xml'])
def test_an_exported_network_rejects_a_gpu(name: str) -> None:
    with pytest.raises(ValueError, match=f'{name} runs on the CPU. Remove the device cuda:0'):
        load_backend(name, device='cuda:0')


def test_openvino_uses_the_requested_precision(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, OpenVINO uses bfloat16 if available, which changes scores by up to 1e-2."""
    usual = OpenVINOBackend(str(exported.path.with_suffix('.xml')))
    assert usual.model.get_property('INFERENCE_PRECISION_HINT') == ov.Type.f32
    onnx_file = exported.path.with_suffix('.onnx').read_bytes()
    write_openvino(onnx_file, exported.info, tmp_path / 'quick.xml', 'bf16')
    quick = OpenVINOBackend(str(tmp_path / 'quick.xml'))
    able = 'BF16' in ov.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    want = ov.Type.bf16 if able else ov.Type.f32
    assert quick.model.get_property('INFERENCE_PRECISION_HINT') == want
    assert quick.info == exported.info
    with monkeypatch.context() as patch:
        patch.setattr('mmsxm.inference.export.to_onnx', lambda *_: onnx_file)
        moved = export(exported.network, exported.info, tmp_path / 'quick.xml', 'bf16')
    assert (moved > 1e-4) == able  # rounding is reported and is not an error
    with pytest.raises(ValueError, match=r'quick.onnx cannot run in bf16'):
        export(exported.network, exported.info, tmp_path / 'quick.onnx', 'bf16')


@pytest.mark.parametrize(
    ('place', 'complaint'),
    [
        ('{folder}/inside/weights.bin', 'ONNX Runtime can read'),
        ('../outside.bin', 'ONNX Runtime can read'),
        ('link.bin', 'ONNX Runtime can read'),
        ('weights.bin', 'has no valid mmsxm metadata'),  # the weights were read
    ],
)
def test_a_network_cannot_read_files_outside_its_folder(
    place: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / 'inside').mkdir()
    for name in ('outside.bin', 'inside/weights.bin'):
        np.ones(4, np.float32).tofile(tmp_path / name)
    (tmp_path / 'inside' / 'link.bin').symlink_to(tmp_path / 'outside.bin')
    kind = onnx.TensorProto
    weights = kind(name='w', data_type=kind.FLOAT, dims=[4], data_location=kind.EXTERNAL)
    for key, value in (('location', place.format(folder=tmp_path)), ('length', '16')):
        weights.external_data.add(key=key, value=value)
    output = onnx.helper.make_tensor_value_info('y', kind.FLOAT, [4])
    node = onnx.helper.make_node('Identity', ['w'], ['y'])
    graph = onnx.helper.make_graph([node], 'one', [], [output], [weights])
    opset = onnx.helper.make_opsetid('', 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    path = tmp_path / 'inside' / 'network.onnx'
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=rf'network\.onnx .*{complaint}'):
        load_backend(path)


@pytest.mark.parametrize('name', ['network (onnx)', 'network (openvino)'])
def test_damaged_networks_run_or_raise_a_clear_error(name: str, tmp_path: Path) -> None:
    """Like the tests of all other files in tests/fuzz."""
    parser = EXPORTED[name]
    accepted = 0
    for seed in range(150):
        fed = Fed(parser, tmp_path, parser.inputs(Random(seed)))
        if fed.foreign:
            raise fed.error or AssertionError
        accepted += fed.error is None
    assert accepted


def test_an_unknown_suffix_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r'network.pt has an unknown format. Use the suffix .onnx or .xml'
    ):
        export(None, None, tmp_path / 'network.pt')  # type: ignore[arg-type]
