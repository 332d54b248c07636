_base_ = './sxmnet_r50_stage2.py'

model = dict(
    backbone=dict(_delete_=True, type='MobileNetV2', out_indices=(2, 4, 7)),
    neck=dict(in_channels=[32, 96, 1280]),
)
