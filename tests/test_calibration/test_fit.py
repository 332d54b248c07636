"""Calibrations: achieved rates, rejected inputs, and storage in a checkpoint."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader

from mmsxm.calibration.fit import calibrate, store_calibration
from mmsxm.calibration.station_scores import station_scores
from mmsxm.datasets import SIXray
from mmsxm.evaluation import Scores
from mmsxm.evaluation.score_scaling import to_logits, to_scores
from mmsxm.evaluation.thresholds import BestF1, Criterion, DetectionRate, FalsePositiveRate
from mmsxm.imaging.images import read_image
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo, Prediction
from mmsxm.inference.calibration import Calibration

CLASSES = ('Gun', 'Knife')


@pytest.fixture
def scores() -> Scores:
    """Draw 400 bags, a fifth with a Gun, a fifth with a Knife, whose scores are far too low."""
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 2)) < 0.2).astype(int)
    logits = rng.normal(3 * targets - 1.5) - [0, 3]
    names = tuple(f'{i:03d}' for i in range(400))
    return Scores(names, CLASSES, to_scores(logits).astype(np.float32), targets)


@pytest.mark.parametrize('scaling', [None, 'temperature', 'platt'])
@pytest.mark.parametrize(
    'criterion', [DetectionRate(0.9), FalsePositiveRate(0.1), BestF1()], ids=str
)
def test_a_station_achieves_the_reported_rates(
    scores: Scores, scaling: str | None, criterion: Criterion
) -> None:
    calibration, rows = calibrate(scores, criterion, scaling)
    slope, offset = (
        torch.tensor([values[name] for name in CLASSES])
        for values in (calibration.slope, calibration.offset)
    )
    # as ScreeningNetwork computes them, in float32
    logits = torch.from_numpy(scores.scores).logit()
    scaled = (slope.float() * logits + offset.float()).sigmoid().numpy()
    alarms = scaled >= [calibration.thresholds[name] for name in CLASSES]
    for i, row in enumerate(rows[:2]):
        positive = scores.targets[:, i] == 1
        assert row.detection_rate == alarms[positive, i].mean()
        assert row.false_positive_rate == alarms[~positive, i].mean()
        assert row.threshold_interval[0] <= row.threshold <= row.threshold_interval[1]
        assert row.detection_interval[0] < row.detection_rate <= row.detection_interval[1]
    bag, harmless = rows[2], (scores.targets == 0).all(axis=1)
    assert bag.name == 'any_item'
    assert bag.detection_rate == alarms[~harmless].any(axis=1).mean()
    assert bag.false_positive_rate == alarms[harmless].any(axis=1).mean()


def test_a_class_can_have_a_criterion_of_its_own(scores: Scores) -> None:
    common, gun = DetectionRate(0.8), DetectionRate(0.95)
    mixed = calibrate(scores, common, exceptions={'Gun': gun})
    assert mixed.rows[0] == calibrate(scores, gun).rows[0]
    of_knife = calibrate(scores, common).calibration.thresholds['Knife']
    assert mixed.calibration.thresholds['Knife'] == of_knife
    expected = 'a detection rate of 0.8, but a detection rate of 0.95 for Gun'
    assert mixed.calibration.origin['criterion'] == expected


def test_the_rate_of_a_class_decides_how_many_images_it_needs(scores: Scores) -> None:
    few = scores._replace(
        targets=scores.targets * (np.arange(400) < 40)[:, np.newaxis]  # 12 guns, 8 knives or so
    )
    calibrate(few, DetectionRate(0.8))
    with pytest.raises(ValueError, match=r'Gun has \d+ positives and needs 100\. Add images'):
        calibrate(few, DetectionRate(0.8), exceptions={'Gun': DetectionRate(0.99)})


def test_a_rate_of_an_unknown_class_is_rejected(scores: Scores) -> None:
    with pytest.raises(ValueError, match=r'no class Bow\. The classes are Gun, Knife\.'):
        calibrate(scores, DetectionRate(0.8), exceptions={'Bow': DetectionRate(0.9)})


def test_a_class_may_have_the_name_of_the_bag(scores: Scores) -> None:
    renamed = scores._replace(classes=('any_item', 'Knife'))
    calibration, rows = calibrate(renamed, DetectionRate(0.9))
    assert [row.name for row in rows] == ['any_item', 'Knife', 'any_item_']
    of_class = calibrate(scores, DetectionRate(0.9)).rows[0]
    assert calibration.origin['achieved']['any_item'] == of_class.to_dict()


def test_scaling_moves_thresholds_but_does_not_change_alarms(scores: Scores) -> None:
    plain = calibrate(scores, DetectionRate(0.9))
    platt = calibrate(scores, DetectionRate(0.9), 'platt')
    rates = [
        [(row.detection_rate, row.false_positive_rate) for row in c.rows] for c in (plain, platt)
    ]
    assert rates[0] == rates[1]
    assert platt.calibration.thresholds['Knife'] > plain.calibration.thresholds['Knife']
    assert platt.calibration.offset['Knife'] > 2  # the scores are too low by 3
    origin = platt.calibration.origin
    assert origin['log_loss_after'] < origin['log_loss_before']


def test_a_threshold_of_saturated_scores_is_rejected() -> None:
    values = np.concatenate((np.ones(40), np.linspace(0.1, 0.9, 160)))[:, np.newaxis]
    targets = (np.arange(200) % 2)[:, np.newaxis]  # half of the scores of 1 are negatives
    saturated = Scores(tuple(map(str, range(200))), ('Gun',), values.astype(np.float32), targets)
    with pytest.raises(ValueError, match='Gun: scores of 1 would still be alarms'):
        calibrate(saturated, FalsePositiveRate(0.05))


def test_a_threshold_among_scores_close_to_0_is_rejected_with_scaling(scores: Scores) -> None:
    values = scores.scores.copy()
    positives = np.flatnonzero(scores.targets[:, 0] == 1)
    values[positives[:20], 0] = 1e-9
    values[scores.targets[:, 0] == 0, 0] = 1e-9
    modified = scores._replace(scores=values)
    with pytest.raises(ValueError, match='Gun: the threshold would lie among'):
        calibrate(modified, DetectionRate(0.9), 'platt')


def test_rates_are_correct_for_scores_that_scaling_saturates() -> None:
    rng = np.random.default_rng(1)
    targets = (rng.random((400, 1)) < 0.5).astype(int)
    logits = rng.normal(targets * 4 - 2, 1.0) * 3
    values = to_scores(logits).astype(np.float32)
    raw = Scores(tuple(map(str, range(400))), ('Gun',), values, targets)
    (row, _), calibration = (found := calibrate(raw, DetectionRate(0.95), 'platt')).rows, found[0]
    scaled = calibration.slope['Gun'] * to_logits(values) + calibration.offset['Gun']
    alarms = to_scores(scaled).astype(np.float32) >= calibration.thresholds['Gun']
    assert alarms[targets == 1].mean() == row.detection_rate
    assert alarms[targets == 0].mean() == row.false_positive_rate


def test_classes_with_too_few_images_are_rejected(scores: Scores) -> None:
    targets = scores.targets.copy()
    targets[np.flatnonzero(targets[:, 1])[9:], 1] = 0  # nine Knives remain
    few = scores._replace(targets=targets)
    with pytest.raises(ValueError, match=r'rate of 0\.9: Knife has 9 positives and needs 10\. Add'):
        calibrate(few, DetectionRate(0.9))
    with pytest.raises(ValueError, match=r'Gun has \d+ negatives and needs 1000; Knife has 391'):
        calibrate(few, FalsePositiveRate(0.001))
    calibrate(few, BestF1())
    targets[:, 1] = 0
    with pytest.raises(ValueError, match='the best F1: Knife has 0 positives and needs 1'):
        calibrate(few, BestF1())
    with pytest.raises(ValueError, match=r'^Knife: scaling needs positives and negatives'):
        calibrate(few, FalsePositiveRate(0.1), 'platt')


def test_without_harmless_bags_their_alarm_rate_is_undefined(scores: Scores) -> None:
    targets = scores.targets.copy()
    targets[(targets == 0).all(axis=1), 0] = 1
    calibration, rows = calibrate(scores._replace(targets=targets), DetectionRate(0.9))
    assert np.isnan(rows[2].false_positive_rate)
    assert calibration.origin['achieved']['any_item']['false_positive_rate'] is None


@pytest.mark.parametrize(
    ('harmless', 'criterion', 'message'),
    [
        (0, DetectionRate(0.9), r'0 images are without any item, .* at least 1\. .* is unknown\.'),
        (0, BestF1(), 'is unknown'),
        (
            9,
            FalsePositiveRate(0.1),
            r'9 images are without any item, .* least 10\. .* is uncertain\.',
        ),
        (10, FalsePositiveRate(0.1), None),
        (1, DetectionRate(0.9), None),
    ],
)
def test_too_few_harmless_bags_cause_a_warning(
    scores: Scores,
    harmless: int,
    criterion: Criterion,
    message: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned = []
    monkeypatch.setattr(
        'mmsxm.calibration.fit.print_log', lambda text, *_, **__: warned.append(text)
    )
    targets = scores.targets.copy()
    targets[np.flatnonzero((targets == 0).all(axis=1))[harmless:], 0] = 1
    assert (targets == 0).all(axis=1).sum() == harmless
    calibrate(scores._replace(targets=targets), criterion)
    assert len(warned) == (message is not None)
    if message is not None:
        assert re.search(message, warned[0])


def test_a_calibration_is_json_serializable(scores: Scores) -> None:
    calibration, _ = calibrate(scores, DetectionRate(0.9), 'platt', {'list': 'a.csv'})
    values = json.loads(json.dumps(calibration.to_dict(), allow_nan=False))
    assert Calibration.from_dict(values, CLASSES).to_dict() == values
    assert calibration.origin['list'] == 'a.csv'
    assert calibration.origin['criterion'] == 'a detection rate of 0.9'
    assert calibration.origin['images'] == 400


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Write a checkpoint with everything that MMEngine stores in one."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    parameter.sum().backward()
    optimizer.step()
    hub = MessageHub('test_calibrating')
    hub.update_scalar('train/loss', 0.5)
    path = tmp_path / 'epoch_7.pth'
    torch.save(
        {
            'meta': {'epoch': 7, 'dataset_meta': {'classes': CLASSES}, 'cfg': 'a = 1'},
            'state_dict': {'head.weight': torch.arange(3.0)},
            'optimizer': optimizer.state_dict(),
            'message_hub': hub.state_dict(),
        },
        path,
    )
    return path


def test_the_rest_of_a_checkpoint_is_unchanged(checkpoint: Path, tmp_path: Path) -> None:
    before = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')
    digest = checkpoint.read_bytes()
    out = tmp_path / 'new' / 'calibrated.pth'
    calibration = Calibration.default(CLASSES, 0.3)
    store_calibration(checkpoint, calibration, out)
    after = CheckpointLoader.load_checkpoint(str(out), map_location='cpu')
    assert after['meta'].pop('calibration') == calibration.to_dict()
    assert after['meta'] == before['meta']
    assert torch.equal(after['state_dict']['head.weight'], torch.arange(3.0))
    assert str(after['optimizer']) == str(before['optimizer'])
    history: HistoryBuffer = after['message_hub']['log_scalars']['train/loss']
    assert history.current() == 0.5
    assert after.keys() == before.keys()
    assert checkpoint.read_bytes() == digest  # only a copy was written

    store_calibration(out, Calibration.default(CLASSES, 0.4), out)  # in place, on request
    again = CheckpointLoader.load_checkpoint(str(out), map_location='cpu')
    assert again['meta']['calibration']['thresholds'] == {'Gun': 0.4, 'Knife': 0.4}


def test_a_checkpoint_with_other_classes_is_rejected(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='is for Gun, but the network is for Gun, Knife'):
        store_calibration(checkpoint, Calibration.default(('Gun',)), tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()
    torch.save({'weight': torch.ones(1)}, tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match='has no state_dict'):
        store_calibration(tmp_path / 'weights.pth', Calibration.default(CLASSES), tmp_path / 'o')


class Brightness:
    """Network whose logits are multiples of the mean brightness of its input, by class."""

    def __init__(self, calibration: Calibration) -> None:
        classes = tuple(calibration.thresholds)
        self.info = ModelInfo('brightness', classes, Preprocessing((32, 32)), calibration, 'd')

    def logits(self, images: np.ndarray) -> np.ndarray:
        brightness = images.reshape(len(images), -1).mean(axis=1, keepdims=True) / 255
        return brightness * np.linspace(-2, 2, len(self.info.classes))

    def __call__(self, images: np.ndarray) -> Prediction:
        slope, offset = (
            np.array(list(values.values()))
            for values in (self.info.calibration.slope, self.info.calibration.offset)
        )
        scores = to_scores(slope * self.logits(images) + offset).astype(np.float32)
        return Prediction(scores, None, np.ones((len(images), 1), dtype=np.float32))


def test_station_scores_use_whole_images(
    simulate: Callable[..., Path],
) -> None:
    dataset = SIXray(str(simulate(4, 2, negatives=3)), split='test')
    classes = SIXray.METAINFO['classes']
    backend = Brightness(Calibration.default(classes))
    found = station_scores(backend, dataset, batch_size=2, workers=0)
    assert found.classes == classes
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        image, _ = backend.info.preprocessing(read_image(info['img_path']))
        assert found.names[i] == info['img_id']
        assert np.flatnonzero(found.targets[i]).tolist() == info['gt_label']
        assert to_logits(found.scores[i]) == pytest.approx(
            backend.logits(image[np.newaxis])[0], abs=1e-5
        )
    assert not found.targets.any(axis=1).all()  # includes bags without items


def test_an_unreadable_image_is_reported(simulate: Callable[..., Path], tmp_path: Path) -> None:
    dataset = SIXray(str(simulate(4, 2, negatives=3)), split='test', serialize_data=False)
    broken = tmp_path / 'broken.jpg'
    broken.write_bytes(b'')
    dataset.full_init()
    dataset.data_list[1]['img_path'] = str(broken)
    backend = Brightness(Calibration.default(SIXray.METAINFO['classes']))
    with pytest.raises(ValueError, match=r'broken\.jpg: the file is empty'):
        station_scores(backend, dataset, workers=0)


def test_other_classes_are_rejected(simulate: Callable[..., Path]) -> None:
    dataset = SIXray(str(simulate(4, 2, negatives=3)), split='test')
    with pytest.raises(ValueError, match=r'classes Gun, Knife, Pliers.* trained for Gun, Knife\. '):
        station_scores(Brightness(Calibration.default(CLASSES)), dataset)
