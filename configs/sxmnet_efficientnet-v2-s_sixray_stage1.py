# EfficientNetV2-S, ours; not trained yet, with the learning rates of ResNet-50. Weights that fit
# after mmsxm convert-weights: mmpretrain's efficientnetv2-s_3rdparty_in1k, or timm's
# tf_efficientnetv2_s. Do not use torchvision's. They can be converted, but expect another padding.
_base_ = './sxmnet_sixray_stage1.py'

model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),  # of the weights
    backbone=dict(
        _delete_=True,
        type='EfficientNetV2',
        arch='s',
        out_indices=(3, 5, 7),  # strides 8, 16 and 32
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$PRETRAINED:weights/efficientnet-v2-s.pth}}'
        ),
    ),
    neck=dict(in_channels=[64, 160, 1280]),
)
