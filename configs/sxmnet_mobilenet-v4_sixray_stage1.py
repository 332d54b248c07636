# MobileNetV4 from timm (the extra [timm]), ours; not trained yet, with the learning rates of
# ResNet-50. Weights that fit after mmsxm convert-weights: timm's mobilenetv4_conv_medium.
_base_ = './sxmnet_sixray_stage1.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TIMMBackbone',
        model_name='mobilenetv4_conv_medium',
        features_only=True,
        out_indices=(2, 3, 4),  # strides 8, 16 and 32
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:weights/mobilenet-v4.pth}}'),
    ),
    neck=dict(in_channels=[80, 160, 960]),
)
