_base_ = './sxmnet_sixray_stage2.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TIMMBackbone',
        model_name='mobilenetv4_conv_medium',
        features_only=True,
        out_indices=(2, 3, 4),
    ),
    neck=dict(in_channels=[80, 160, 960]),
)
load_from = 'work_dirs/sxmnet_mobilenet-v4_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/sxmnet_mobilenet-v4_sixray_stage1.py'))
