# a light SXMNet, ours; convert the weights with mmsxm convert-weights first
_base_ = './sxmnet_r50_stage1.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(2, 4, 7),  # strides 8, 16 and 32
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://mobilenet_v2}}'),
    ),
    neck=dict(in_channels=[32, 96, 1280]),
)
