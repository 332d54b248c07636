_base_ = './resnet50.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://mobilenet_v2}}'),
    ),
    head=dict(in_channels=[1280]),
)
