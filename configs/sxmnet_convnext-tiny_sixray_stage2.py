_base_ = './sxmnet_sixray_stage2.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ConvNeXt',
        arch='tiny',
        out_indices=(1, 2, 3),
        gap_before_final_norm=False,
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
load_from = 'work_dirs/sxmnet_convnext-tiny_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/sxmnet_convnext-tiny_sixray_stage1.py'))
