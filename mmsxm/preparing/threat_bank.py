"""Construction of threat banks from the training images of a config or from simulated items."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from mmsxm.datasets import XrayDataset
from mmsxm.datasets.class_names import configured_classes
from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.datasets.threat_cutting import Cut, cut_threat
from mmsxm.imaging.images import read_image
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.registry import DATASETS
from mmsxm.simulation import SITES, Scanner, picture
from mmsxm.simulation.scanner_profiles import known_scanners
from mmsxm.simulation.shapes import Part, Pose, draw
from mmsxm.visualization.overlays import caption, sheet

SHARED = 0.15  # share of an item that may lie in the box of another one, because boxes are loose
# settings that load all images of a list, regardless of the config
WHOLE: dict[str, Any] = {
    'pipeline': [],
    'indices': None,
    'positives_only': False,
    'require_boxes': False,
}
SAME = 0.7  # IoU of two boxes around one item, annotated twice
AIR = 4  # pixels around a simulated item, where its edges blur


def _inner(config: ConfigDict) -> ConfigDict:
    """Return the config of the dataset inside wrappers that repeat or select its images."""
    while 'dataset' in config:
        config = config.dataset
    return config


def _data_type(cfg: Config) -> type[XrayDataset]:
    """Return the class of a config's training set.

    Raises:
        ValueError: It is not a dataset of X-ray images.
    """
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    name = _inner(cfg.train_dataloader.dataset).type
    found = DATASETS.get(name)
    if not (isinstance(found, type) and issubclass(found, XrayDataset)):
        raise ValueError(
            f'train_dataloader.dataset of {cfg.filename} has type {name}. A bank is built from '
            'one dataset of X-ray images at a time. Choose a config with such a dataset.'
        )
    return found


def data_classes(cfg: Config) -> list[str]:
    """Return the classes of a config's dataset without reading its images.

    Raises:
        ValueError: The config does not name its classes.
    """
    _data_type(cfg)
    return list(configured_classes(_inner(cfg.train_dataloader.dataset)))


def training_set(cfg: Config) -> XrayDataset:
    """Build the dataset to cut items from, which must be used only for training.

    Raises:
        ValueError: The dataset is in test mode, is not the training split, does not contain X-ray
            images, is a prepared copy, or shares images with the validation or test set.
    """
    _data_type(cfg)
    config = _inner(cfg.train_dataloader.dataset)
    split = config.get('split', 'train')
    if config.get('test_mode') or split != 'train':
        raise ValueError(
            f'train_dataloader.dataset of {cfg.filename} has split={split!r} and '
            f'test_mode={config.get("test_mode", False)}. Items are cut only from training '
            "images: set split='train' and test_mode=False."
        )
    dataset: XrayDataset = DATASETS.build({**config, 'pipeline': []})
    if dataset.prepared is not None:
        raise ValueError(
            f'{dataset.data_root} is a prepared copy, but items are cut from full-size images. Use '
            'the folder of the release.'
        )
    ids = dataset.image_ids()
    others = {
        str(loader): loader
        for phase in ('val', 'test')
        if (loader := cfg.get(f'{phase}_dataloader'))
    }
    if not others:
        raise ValueError(
            f'{cfg.filename} has neither val_dataloader nor test_dataloader. Name the set that you '
            'test on, so that none of its images gets into the bank.'
        )
    for loader in others.values():
        other = DATASETS.build({**_inner(loader.dataset), **WHOLE})
        shared = sorted(ids & other.image_ids())
        if shared:
            names = ', '.join(shared[:5]) + (', ...' if len(shared) > 5 else '')
            raise ValueError(
                f'{len(shared)} images of {dataset.ann_file} are also in {other.ann_file} '
                f'({names}). Remove them from one of the lists, or results on the second are '
                'meaningless.'
            )
    return dataset


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the intersection over union of two boxes (xyxy)."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b)]
    return width * height / (sum(areas) - width * height)


def _contains_another(cut: Cut, item: dict, instances: list[dict]) -> bool:
    """Return whether a cut contains part of another item.

    One item that was annotated twice does not count as another.
    """
    attenuation = 1 - cut.transmission.mean(axis=2)
    left, top = cut.box[:2]
    for other in instances:
        twice = (
            other['bbox_label'] == item['bbox_label']
            and _overlap(other['bbox'], item['bbox']) >= SAME
        )
        if other is item or twice:
            continue
        x1, y1, x2, y2 = other['bbox']
        columns = slice(*(max(round((x - left) / cut.scale), 0) for x in (x1, x2)))
        rows = slice(*(max(round((y - top) / cut.scale), 0) for y in (y1, y2)))
        if attenuation[rows, columns].sum() > SHARED * attenuation.sum():
            return True
    return False


def cut_bank(
    dataset: XrayDataset, per_class: int = 300, mapping: PixelMapping = UPPER_BITS
) -> ThreatBank:
    """Cut all items of a dataset that can be cut cleanly, and keep the best of each class.

    The header records their source, and how many items were skipped and why.

    Args:
        dataset: Dataset of training images, see :func:`training_set`.
        per_class: Maximum number of items per class.
        mapping: Mapping of the images to 8-bit pixels, as in training.

    Raises:
        ImageError: An image cannot be read.
        ValueError: Not a single item can be cut.
    """
    found: list[tuple[float, Threat]] = []
    left_out: Counter[str] = Counter()
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if not info['instances']:
            continue
        image = read_image(info['img_path'], mapping=mapping)
        for item in info['instances']:
            cut = cut_threat(image, item['bbox'])
            if item['bbox_label'] not in info['gt_label']:
                left_out['class that is not a label of the image'] += 1
            elif isinstance(cut, str):
                left_out[cut] += 1
            elif _contains_another(cut, item, info['instances']):
                left_out['contains another item'] += 1
            else:
                patch = (cut.transmission * 255 + 0.5).astype(np.uint8)
                threat = Threat(patch, item['bbox_label'], cut.scale, info['img_id'])
                found.append((cut.quality, threat))

    found.sort(key=lambda pair: -pair[0])
    kept: list[Threat] = []
    counts: Counter[int] = Counter()
    for _, threat in found:
        if counts[threat.label] < per_class:
            counts[threat.label] += 1
            kept.append(threat)
        else:
            left_out['better ones of its class'] += 1
    kept.sort(key=lambda threat: threat.label)
    header = {
        'classes': list(dataset.CLASSES),
        'list': dataset.ann_file,
        'sha256': dataset.list_digest(),
        'left_out': dict(left_out.most_common()),
    }
    if not kept:
        raise ValueError(
            f'No item of {dataset.ann_file} can be cut out: {dict(left_out)}. Use more training '
            'images, or simulate the items with mmsxm threat-bank CONFIG OUT --simulated N.'
        )
    return ThreatBank(kept, header)


def simulate_bank(
    classes: Sequence[str], per_class: int, scanner: str | None = None, seed: int = 0
) -> ThreatBank:
    """Simulate items of a dataset's classes as a scanner would show each of them alone.

    Args:
        classes: Classes of a site that the simulator supports.
        per_class: Number of items per class.
        scanner: Key of :data:`mmsxm.simulation.SCANNERS`; by default, the scanner of the site.
        seed: Seed. Item ``i`` of a class does not depend on what else is simulated.

    Raises:
        ValueError: No site has these classes, or the scanner is unknown.
    """
    site = next((site for site in SITES.values() if site.classes == tuple(classes)), None)
    if site is None:
        known = '; '.join(', '.join(site.classes) for site in SITES.values())
        raise ValueError(
            f'{", ".join(classes)} cannot be simulated. Use one of these sets of classes: {known}.'
        )
    machines = known_scanners(scanner or site.scanner)
    weights = np.array([machine.weight for machine in machines])
    threats = []
    for label, kind in enumerate(site.items.values()):
        median, deviation = kind.length
        for number in range(per_class):
            # differs from the random streams of bags
            rng = np.random.default_rng((seed, label, number, 0))
            machine = machines[rng.choice(len(machines), p=weights / weights.sum())]
            parts = kind.make(median * np.exp(rng.normal(0, deviation)), rng)
            # tilted in depth only, because the transform rotates the patch in its plane
            tilt = min(abs(rng.normal(0, 0.35)), 1.0)
            pose = Pose(tilt=tilt, tilt_axis=rng.uniform(0, np.pi))
            patch = _picture(parts, pose, machine)
            threats.append(Threat(patch, label, 1.0, f'{seed}-{number}'))
    header = {
        'classes': list(classes),
        'simulated': scanner or site.scanner,
        'seed': seed,
        'left_out': {},
    }
    return ThreatBank(threats, header)


def _picture(parts: Sequence[Part], pose: Pose, machine: Scanner) -> np.ndarray:
    """Render an item on the background of a noiseless scanner, divided by the background.

    The result is ``(h, w, 3)`` uint8, BGR.
    """
    sides = (np.mean(machine.heights), np.mean(machine.widths))
    pixels_per_cm = float(np.sqrt(np.prod(sides)) / np.mean(machine.view_cm))
    attenuation = draw(parts, pose, pixels_per_cm, machine.energies).attenuation
    attenuation = np.pad(attenuation, ((0, 0), (AIR, AIR), (AIR, AIR)))
    still = replace(machine, photons=1e12, dark_noise=0.0, line_noise=0.0)
    image = picture(attenuation, still, pixels_per_cm, np.random.default_rng(0))
    background = np.frombuffer(bytes.fromhex(machine.background), np.uint8)
    patch = (image / background * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(patch[..., ::-1])


def counts_by_class(bank: ThreatBank) -> dict[str, int]:
    """Return the number of items of each class in a bank."""
    counts = np.bincount(bank.labels, minlength=len(bank.classes)).tolist()
    return dict(zip(bank.classes, counts, strict=True))


def draw_bank(bank: ThreatBank, size: int = 96, columns: int = 16) -> np.ndarray:
    """Draw all items of a bank on white, class by class, as an RGB image."""
    pictures = []
    for index in range(len(bank)):
        threat = bank[index]
        patch = threat.patch[..., ::-1]
        scale = size / max(patch.shape[:2])
        sides = (max(round(patch.shape[1] * scale), 1), max(round(patch.shape[0] * scale), 1))
        tile = np.full((size, size, 3), 255, dtype=np.uint8)
        small = cv2.resize(patch, sides, interpolation=cv2.INTER_AREA)
        tile[: small.shape[0], : small.shape[1]] = small
        pictures.append(caption(tile, bank.classes[threat.label], threat.source))
    return sheet(pictures, columns)
