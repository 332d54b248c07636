# pyramid with averaged predictions (Eq. 1), without attention
_base_ = './sxmnet_r50_stage1.py'

model = dict(
    attention_head=None,
    head=dict(type='mmsxm.AverageFusionHead', num_classes=5, in_channels=[256, 256, 256]),
)
val_evaluator = [dict(type='mmsxm.MeanAveragePrecision')]
test_evaluator = val_evaluator
find_unused_parameters = False
