"""How well attention points in each image, as a CSV file."""

from pathlib import Path

import pytest
import torch

from mmsxm.evaluation import LocalizationTable, read_localization


def test_images_with_boxes_are_written_by_name(tmp_path: Path) -> None:
    metric = LocalizationTable(out=str(tmp_path / 'new' / 'localization.csv'))
    attention_map = torch.zeros(4, 4)
    attention_map[0, 0], attention_map[3, 3] = 3.0, 1.0
    common = dict(attention_map=attention_map, img_shape=(8, 8))
    samples = [
        dict(img_path='b.jpg', gt_bboxes=torch.tensor([[0.0, 0.0, 4.0, 4.0]]), **common),
        dict(img_path='a.jpg', gt_bboxes=torch.tensor([[4.0, 4.0, 8.0, 8.0]]), **common),
        dict(img_path='c.jpg', **common),
    ]
    metric.process(None, samples)
    assert metric.evaluate(3) == {}
    assert read_localization(metric.out) == {
        'a': {'pointing': 0.0, 'energy': 0.25},
        'b': {'pointing': 1.0, 'energy': 0.75},
    }
    assert metric.out.read_text().splitlines()[:2] == ['name,pointing,energy', 'a,0,0.25']


@pytest.mark.parametrize('text', ['name,pointing\na,1\n', 'name,pointing,energy\na,1,b\n'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'localization.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'localization\.csv (has no column|contains an invalid)'):
        read_localization(path)
