# attention starts at P2, as in the authors' code; each level is smoothed, not only P2
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
    attention_head=dict(start='P2'),
)
