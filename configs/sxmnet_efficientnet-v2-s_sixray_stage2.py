_base_ = './sxmnet_sixray_stage2.py'

model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        _delete_=True,
        type='EfficientNetV2',
        arch='s',
        out_indices=(3, 5, 7),
    ),
    neck=dict(in_channels=[64, 160, 1280]),
)
load_from = 'work_dirs/sxmnet_efficientnet-v2-s_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/sxmnet_efficientnet-v2-s_sixray_stage1.py'))
