"""Every config builds and trains all its parameters, at the learning rates of the paper."""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from mmsxm.datasets import SIXray
from mmsxm.datasets.meta_label_file import MetaLabels, source_of, write_meta_labels
from mmsxm.engine.checkpoints import missing_keys
from mmsxm.models import HierarchicalRefinement, SXMNet
from mmsxm.registry import DATASETS, MODELS
from mmsxm.training.config import first_stage, load_config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'suites'} & set(path.relative_to(CONFIGS).parts)  # not configs by themselves
)
# what leaves inherit, as far as it inherits itself
INHERITING = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('_base_/**/*.py')
    if '_base_ = ' in path.read_text()
)
# ablations of the rates themselves: by prefix of the parameter's name, the first that fits
OTHER_RATES = {
    'sxmnet_authors-lr_sixray_stage1.py': {
        **{f'backbone.layer{i}.': 1e-5 for i in (2, 3, 4)},
        '': 5e-5,
    },
    'evidence.py': {'': 2e-3},  # the demo, with AdamW
}
# attention at the rate of the rest, as published
FAST_ATTENTION = {
    'sxmnet_stage2.py',  # the demo
    'class-attention_sixray.py',  # one stage
    *(
        f'sxmnet_{what}_sixray_stage2.py'
        for what in (
            'fast-attention',
            'product',
            'product-mf-i',
            'product-taught',
            'self-attention',
        )
    ),
}
DATA_SETS = sorted(path.name for path in (CONFIGS / '_base_/datasets').glob('*.py'))
SIZE = 64


class Leaf(NamedTuple):
    cfg: Config
    model: SXMNet

    @property
    def is_stage1(self) -> bool:
        return not self.model.with_head

    @property
    def unused(self) -> set[str]:
        """What trains in Stage II alone: attention reads the finest level of the pyramid."""
        if not self.is_stage1:
            return set()
        coarser = range(1, len(self.model.neck.smooth))
        return {f'neck.smooth.{i}.{kind}' for i in coarser for kind in ('weight', 'bias')}


def build(cfg: Config) -> SXMNet:
    cfg.model.backbone.init_cfg = None  # no download
    torch.manual_seed(0)
    return MODELS.build(dict(cfg.model, _scope_='mmpretrain'))


@pytest.fixture(scope='module')
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each data set with one image, of its first class, in the train and the test split."""
    root = tmp_path_factory.mktemp('data')
    sixray, opixray, own = root / 'sixray', root / 'opixray', root / 'own'
    coco = {
        'images': [{'id': 1, 'file_name': 'P1.png'}],
        'annotations': [{'id': 1, 'image_id': 1, 'category_id': 0, 'bbox': [30, 40, 50, 50]}],
        'categories': [
            {'id': i, 'name': name} for i, name in enumerate(SIXray.METAINFO['classes'])
        ],
    }
    image = np.random.default_rng(0).integers(0, 200, (150, 170, 3), dtype=np.uint8)
    for split in ('train', 'test'):
        for folder, file in (
            (sixray / 'JPEGImage', 'P1.png'),
            (opixray / split / f'{split}_image', '1.png'),
            (own / 'images', 'P1.png'),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / file), image)
        texts = {
            sixray / f'ImageSet/10/{split}.csv': 'name,Gun,Knife,Wrench,Pliers,Scissors\n'
            'P1,1,-1,-1,-1,-1\n',
            sixray / 'Annotation/P1.xml': '<annotation><object><name>Gun</name><bndbox>'
            '<xmin>30</xmin><ymin>40</ymin><xmax>80</xmax><ymax>90</ymax>'
            '</bndbox></object></annotation>',
            opixray / split / f'{split}_knife.txt': '1.png\n',
            opixray / split / f'{split}_annotation/1.txt': '1.png Folding_Knife 30 40 80 90\n',
            own / f'annotations/{split}.json': json.dumps(coco),
        }
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return {'mmsxm.SIXray': sixray, 'mmsxm.OPIXray': opixray, 'mmsxm.CocoXray': own}


@pytest.fixture(scope='module', params=LEAVES)
def leaf(request: pytest.FixtureRequest) -> Leaf:
    cfg = load_config(CONFIGS / request.param)
    if cfg.model.backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm', reason='needs the extra [timm]')
    return Leaf(cfg, build(cfg))


def samples(leaf: Leaf) -> list[DataSample]:
    """Two images: an item with a box of level P4, and another without any."""
    num_classes = leaf.cfg.model.data_preprocessor.num_classes
    boxed, bare = DataSample(), DataSample()
    boxed.set_gt_label([1])
    boxed.set_gt_score(torch.eye(num_classes)[1])
    maps = leaf.model.eval().localize(*leaf.model.attend(torch.zeros(1, 3, SIZE, SIZE)))
    heatmap = torch.zeros((1, 1, 1) if maps is None else maps.shape[1:])  # (K, h, w)
    side = heatmap.shape[-1]
    heatmap[:, side // 4 : side // 2, side // 4 : side // 2] = 1
    boxed.set_field(heatmap, 'gt_heatmap')
    boxed.set_field(torch.tensor(1), 'gt_meta_level')
    bare.set_field(torch.full_like(heatmap, -1), 'gt_heatmap')
    bare.set_gt_label([2])
    bare.set_gt_score(torch.eye(num_classes)[2])
    bare.set_field(torch.tensor(-1), 'gt_meta_level')
    return [boxed, bare]


def test_a_loss_reaches_every_parameter(leaf: Leaf) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 3, SIZE, SIZE)
    losses = leaf.model.train()(inputs, samples(leaf), mode='loss')
    loss, _ = leaf.model.parse_losses(losses)
    loss.backward()
    idle = {
        name
        for name, parameter in leaf.model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }
    assert idle == leaf.unused
    # what mmengine's wrapper of two processes has to be told
    assert leaf.cfg.find_unused_parameters == bool(idle)


def test_predictions(leaf: Leaf) -> None:
    with torch.no_grad():
        sample = leaf.model.eval()(torch.randn(1, 3, SIZE, SIZE), mode='predict')[0]
    assert ('pred_score' in sample) == leaf.model.with_head
    has_maps = leaf.model.attention_head is not None or leaf.model.has_class_maps
    assert ('attention_map' in sample) == has_maps
    assert ('class_maps' in sample) == leaf.model.has_class_maps


def test_metrics_judge_what_is_predicted(leaf: Leaf) -> None:
    want = set()
    if leaf.model.with_head:
        want.add('mmsxm.MeanAveragePrecision')
    if leaf.model.attention_head is not None or leaf.model.has_class_maps:
        want.add('mmsxm.AttentionLocalization')
    if leaf.model.has_class_maps:
        want.add('mmsxm.ClassLocalization')
    assert leaf.cfg.val_evaluator == leaf.cfg.test_evaluator
    assert {metric.type for metric in leaf.cfg.test_evaluator} == want


@pytest.mark.usefixtures('scope')
def test_learning_rates(leaf: Leaf) -> None:
    optim_wrapper = build_optim_wrapper(leaf.model, leaf.cfg.optim_wrapper)
    groups = optim_wrapper.optimizer.param_groups
    rates = {id(p): group['lr'] for group in groups for p in group['params']}
    got = {name: rates[id(p)] for name, p in leaf.model.named_parameters()}

    base = leaf.cfg.optim_wrapper.optimizer.lr
    if other := OTHER_RATES.get(Path(leaf.cfg.filename).name):
        want = {name: next(other[p] for p in other if name.startswith(p)) for name in got}
        assert got == pytest.approx(want)
        return
    if isinstance(leaf.model.neck, HierarchicalRefinement):
        assert set(got.values()) == {1e-2}  # CHR's code
        return
    if 'demo' not in leaf.cfg.filename:  # which starts from random weights at half the size
        assert base == (1e-5 if leaf.is_stage1 else 2e-2)  # Sec. 4.2
    if leaf.is_stage1:
        assert set(got.values()) == {base}
        return
    factors = {'head.fcs.': 5.0, 'head.global_fcs.': 5.0}
    if Path(leaf.cfg.filename).name not in FAST_ATTENTION:
        factors['attention_head.'] = 0.01
    want = {
        name: base * next((f for part, f in factors.items() if name.startswith(part)), 1)
        for name in got
    }
    assert got == pytest.approx(want)
    assert len(groups) == len(set(want.values()))


@pytest.mark.usefixtures('scope')
def test_data(leaf: Leaf, roots: dict[str, Path], tmp_path: Path) -> None:
    for loader in (leaf.cfg.train_dataloader, leaf.cfg.test_dataloader):
        is_train = loader is leaf.cfg.train_dataloader
        cfg = loader.dataset.copy()
        cfg.data_root = str(roots[cfg.type])
        cfg.serialize_data = False  # which costs a third of a second
        for transform in cfg.pipeline:
            if transform.type == 'mmsxm.ThreatImageProjection':
                transform.prob = 0  # there is no bank
        if 'meta_labels' in cfg:
            assert is_train
            labels = tmp_path / 'meta_labels.json'
            write_labels(cfg, labels)
            cfg.meta_labels = str(labels)
        packed = DATASETS.build(cfg)[0]
        sample = packed['data_samples']
        height, width = sample.img_shape
        assert packed['inputs'].shape == (3, height, width)
        assert sample.gt_label.tolist() == [0]
        assert sample.gt_bboxes.shape == (1, 4)
        needs_heatmap = is_train and (
            bool((leaf.cfg.model.get('attention_head') or {}).get('loss_weight'))
            or leaf.model.has_class_maps
        )
        assert ('gt_heatmap' in sample) == needs_heatmap
        if needs_heatmap:
            network = leaf.model.eval()
            maps = network.localize(*network.attend(packed['inputs'][None].float()))
            assert sample.gt_heatmap.shape == maps[0].shape
        if leaf.model.has_class_maps:
            assert sample.gt_bboxes_labels.tolist() == [0]
        needs_level = is_train and bool(leaf.cfg.model.get('head', {}).get('loss_meta_weight'))
        assert ('gt_meta_level' in sample) == needs_level
        if needs_level:
            # MF-I: the box covers 2500 pixels of 25500; MF-N: what was written
            assert sample.gt_meta_level.item() == (2 if 'meta_labels' in cfg else 1)


def write_labels(cfg: Config, path: Path) -> None:
    """Write labels of all images of a data set: level P5."""
    dataset = DATASETS.build({key: value for key, value in cfg.items() if key != 'meta_labels'})
    img_ids = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    losses = {img_id: [0.3, 0.2, 0.1] for img_id in img_ids}
    levels = dict.fromkeys(img_ids, 2)
    write_meta_labels(path, MetaLabels('chr.py', '00', source_of(dataset), losses, levels))


def test_a_second_stage_starts_from_its_first(leaf: Leaf) -> None:
    path = first_stage(leaf.cfg)
    if path is None:
        assert leaf.cfg.load_from is None
        return
    first = load_config(path)
    assert leaf.cfg.load_from == first.work_dir
    new = missing_keys(leaf.model, build(first).state_dict())
    assert new or leaf.model.frozen
    assert all(key.startswith(tuple(leaf.cfg.default_hooks.handover.get('new', ()))) for key in new)


@pytest.mark.parametrize('name', DATA_SETS)
def test_all_pipelines_of_a_data_set_read_and_resize_in_the_same_way(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OWN_CLASSES', 'Gun, Knife')  # the default is the classes of SIXray
    cfg = Config.fromfile(CONFIGS / '_base_/datasets' / name)
    loads = [cfg.load, cfg.load_items]
    assert [step.type for step in cfg.load] == [step.type for step in cfg.load_items]
    other = [
        key for key in cfg if key.endswith('_pipeline') and cfg[key][: len(cfg.load)] not in loads
    ]
    assert other == []
    parts = [value for value in cfg.values() if isinstance(value, list) and 'type' in value[0]]
    for setting in ('scale', 'crop_size', 'num_classes'):
        values = [step[setting] for part in parts for step in part if setting in step]
        assert len(set(values)) == 1, (setting, values)


def test_leaves_are_short() -> None:
    long = [name for name in LEAVES if len((CONFIGS / name).read_text().splitlines()) >= 40]
    assert long == []


def settings(name: str, value: ast.expr) -> Iterator[tuple[str, ...]]:
    """Name what an assignment sets: the ways to all values that it merges into inherited ones."""
    if isinstance(value, ast.Dict):
        inner = {
            getattr(key, 'value', ''): item
            for key, item in zip(value.keys, value.values, strict=True)
        }
    elif isinstance(value, ast.Call) and ast.unparse(value.func) == 'dict':
        inner = {str(keyword.arg): keyword.value for keyword in value.keywords}
    else:
        inner = {}
    if isinstance(value, ast.Set):  # {{_base_...}}: equal by chance, and not in another setting
        return
    if not inner or '_delete_' in inner:
        yield (name,)
        return
    for key, item in inner.items():
        yield from ((name, *path) for path in settings(key, item))


def value_at(cfg: Any, path: tuple[str, ...]) -> Any:
    """What a config has there; its own type where it has nothing."""
    for key in path:
        if not isinstance(cfg, dict) or key not in cfg:
            return Ellipsis
        cfg = cfg[key]
    return cfg


def redundant(path: Path, tmp_path: Path) -> list[str]:
    """Settings of a config file that repeat what it inherits."""
    assignments = {
        node.targets[0].id: node.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
    }
    bases = ast.literal_eval(assignments.pop('_base_'))
    bases = [str(path.parent / base) for base in ([bases] if isinstance(bases, str) else bases)]
    inherited = tmp_path / 'inherited.py'
    inherited.write_text(f'_base_ = {bases}')
    before, after = (Config.fromfile(file).to_dict() for file in (inherited, path))
    return [
        '.'.join(key)
        for name, value in assignments.items()
        for key in settings(name, value)
        if value_at(before, key) == value_at(after, key)
    ]


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_says_only_what_differs(name: str, tmp_path: Path) -> None:
    assert redundant(CONFIGS / name, tmp_path) == []


@pytest.mark.parametrize('name', INHERITING)
def test_a_base_names_nothing_again_that_it_inherits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OWN_CLASSES', 'Gun')  # whose default is the classes of SIXray
    # within a dict values may be equal by chance, as with a default of the environment
    assert [key for key in redundant(CONFIGS / name, tmp_path) if '.' not in key] == []


def test_what_a_leaf_would_repeat_is_found(tmp_path: Path) -> None:
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(
        f"_base_ = '{CONFIGS}/demo/resnet18.py'\n"
        'model = dict(backbone=dict(depth=18, frozen_stages=1), neck=None)\n'
        'param_scheduler = dict(milestones=[8, 10])\n'
        "custom = {'a': dict(b=1)}\n"
        "visualizer = dict(_delete_=True, type='UniversalVisualizer')\n"
        'test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))\n'
    )
    assert redundant(leaf, tmp_path) == [
        'model.backbone.depth',
        'model.neck',
    ]


def test_the_demo_trains_and_tests_with_harmless_bags(
    simulate: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DEMO_ROOT', str(simulate(16, 8, negatives=6)))
    cfg = load_config(CONFIGS / 'demo/evidence.py')
    for loader, harmless in ((cfg.train_dataloader, 4), (cfg.test_dataloader, 2)):
        dataset = DATASETS.build({**loader.dataset, 'pipeline': []})
        assert sum(not info['gt_label'] for info in dataset) == harmless


def test_no_two_leaves_train_the_same() -> None:
    parameters = set(inspect.signature(Runner).parameters) - {'work_dir'}
    first_of: dict[str, str] = {}
    for name in LEAVES:
        cfg = Config.fromfile(CONFIGS / name)
        text = repr({key: cfg[key] for key in sorted(parameters & set(cfg))})
        assert first_of.setdefault(text, name) == name


def test_the_page_of_the_paper_names_what_there_is() -> None:
    page = (CONFIGS.parent / 'docs/paper.md').read_text()
    named = re.findall(r'`((?:[\w{}-]+/)*[\w{}.-]+\.py)`', page)
    paths = {name.replace('{}', data) for name in named for data in ('sixray', 'opixray')}
    wrong = {p for p in paths if not any((top / p).is_file() for top in (CONFIGS, CONFIGS.parent))}
    assert wrong == set()
    assert 'ablations/sxmnet_28_sixray_stage2.py' in paths  # or else the pattern found nothing


def test_networks_of_one_table_start_from_files_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('PRETRAINED', '50.pth')
    monkeypatch.setenv('PRETRAINED_RESNET101', '101.pth')
    files = {
        cfg.backbone.depth: cfg.backbone.init_cfg.checkpoint
        for cfg in (
            load_config(CONFIGS / f'baselines/{name}_sixray.py').model
            for name in ('resnet50', 'chr')
        )
    }
    assert files == {50: '50.pth', 101: '101.pth'}
