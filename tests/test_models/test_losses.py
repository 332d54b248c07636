import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import log_loss

from mmsxm.models import MultiLabelBCELoss
from mmsxm.models.losses import (
    level_bce_losses,
    meta_level_loss,
    multilabel_bce_loss,
    summed_mse_loss,
)


def test_squared_error_is_summed_over_pixels_and_averaged_over_the_batch() -> None:
    attention_map = torch.tensor([[[[0.0, 1.0]]], [[[0.5, 0.5]]]])
    target = torch.tensor([[[[1.0, 1.0]]], [[[0.0, 1.0]]]])
    assert float(summed_mse_loss(attention_map, target)) == (1.0 + 0.25 + 0.25) / 2


def test_a_finer_target_is_average_pooled() -> None:
    target = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    assert float(summed_mse_loss(torch.zeros(1, 1, 1, 1), target)) == 0.75**2


def test_cross_entropy_is_a_mean_over_batch_and_classes() -> None:
    torch.manual_seed(0)
    cls_score, target = torch.randn(4, 5), torch.randint(0, 2, (4, 5))
    want = F.binary_cross_entropy_with_logits(cls_score, target.float())
    torch.testing.assert_close(multilabel_bce_loss(cls_score, target), want)
    torch.testing.assert_close(MultiLabelBCELoss()(cls_score, target), want)


def test_ignored_labels_are_left_out_of_cross_entropy_and_its_mean() -> None:
    torch.manual_seed(0)
    cls_score = torch.randn(2, 3, requires_grad=True)
    target = torch.tensor([[1.0, -1.0, 0.0], [-1.0, -1.0, 1.0]])
    loss = multilabel_bce_loss(cls_score, target)
    known = target != -1
    want = F.binary_cross_entropy_with_logits(cls_score[known], target[known])
    torch.testing.assert_close(loss, want)
    loss.backward()
    assert torch.equal(cls_score.grad != 0, known)


def test_nothing_known_is_no_loss() -> None:
    cls_score = torch.randn(2, 3, requires_grad=True)
    loss = multilabel_bce_loss(cls_score, torch.full((2, 3), -1))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not cls_score.grad.any()


def test_losses_of_levels_are_means_over_classes() -> None:
    torch.manual_seed(0)
    level_scores, target = torch.randn(4, 3, 5), torch.randint(0, 2, (4, 5))
    losses = level_bce_losses(level_scores, target)
    assert losses.shape == (4, 3)
    for image in range(4):
        for level in range(3):
            score = level_scores[image, level].double().sigmoid()
            assert losses[image, level].item() == pytest.approx(log_loss(target[image], score))


def test_losses_of_levels_by_hand() -> None:
    """Scores of 3/4 and 1/4 for a positive and a negative; the third label is not known."""
    logit = math.log(3)
    level_scores = torch.tensor([[[logit, -logit, 9.0], [-logit, -logit, 9.0], [0.0, 0.0, 9.0]]])
    losses = level_bce_losses(level_scores, torch.tensor([[1, 0, -1]]))[0].tolist()
    sure, wrong, torn = -math.log(3 / 4), -math.log(1 / 4), math.log(2)
    assert losses == pytest.approx([sure, (sure + wrong) / 2, torn])


def test_the_meta_loss_is_a_mean_over_images_with_a_level() -> None:
    torch.manual_seed(0)
    level_logits, target = torch.randn(4, 3), torch.tensor([2, -1, 0, -1])
    want = F.cross_entropy(level_logits[[0, 2]], target[[0, 2]])
    torch.testing.assert_close(meta_level_loss(level_logits, target), want)


def test_the_meta_loss_of_no_labelled_image_is_0_and_has_a_gradient() -> None:
    level_logits = torch.randn(2, 3, requires_grad=True)
    loss = meta_level_loss(level_logits, torch.tensor([-1, -1]))
    loss.backward()  # two processes wait for one another's gradients, also for those of 0
    assert float(loss.detach()) == 0
    assert not level_logits.grad.any()


@pytest.mark.parametrize('loss', [summed_mse_loss, multilabel_bce_loss])
def test_losses_are_float32_under_autocast(loss: object) -> None:
    low = torch.rand(2, 1, 4, 4).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert loss(low, torch.ones(2, 1, 4, 4)).dtype == torch.float32
