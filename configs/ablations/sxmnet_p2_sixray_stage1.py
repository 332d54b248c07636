# attention starts at P2, as the authors' code does; every level is smoothed, not P2 alone
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
    attention_head=dict(start='P2'),
)
