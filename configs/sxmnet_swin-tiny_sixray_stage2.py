_base_ = './sxmnet_sixray_stage2.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        arch='tiny',
        out_indices=(1, 2, 3),
        pad_small_map=True,
        drop_path_rate=0.0,
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
load_from = 'work_dirs/sxmnet_swin-tiny_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/sxmnet_swin-tiny_sixray_stage1.py'))
