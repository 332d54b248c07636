# Stage I: backbone, pyramid and attention head (Sec. 3.2)
model = dict(
    type='mmsxm.SXMNet',
    data_preprocessor=dict(
        num_classes=5,
        mean=[123.675, 116.28, 103.53],  # those of ImageNet, like the weights
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
        to_onehot=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(1, 2, 3),  # C3, C4, C5
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://resnet50}}'),
    ),
    neck=dict(type='mmsxm.FPN', in_channels=[512, 1024, 2048], out_channels=256),
    attention_head=dict(
        type='mmsxm.BottomUpAttentionHead',
        in_channels=256,
        stride=4,  # 56 x 56 for 224, the best of Table 6
        loss_weight=1.0,
    ),
)
# metrics depend on the predictions of the network, not on the dataset; here, only maps
val_evaluator = [dict(type='mmsxm.AttentionLocalization')]
test_evaluator = val_evaluator
# the smoothing convolutions of P4 and P5 do not affect the loss of this stage
find_unused_parameters = True
