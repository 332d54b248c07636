# a small set of real SIXray images (SIXRAY_ROOT, SIXRAY_SET), a light network from ImageNet weights
# (PRETRAINED) and short schedules, for two CPU cores
family = 'sixray'
data = dict(
    sixray=dict(data_root='{{$SIXRAY_ROOT:data/sixray_mini}}', image_set='{{$SIXRAY_SET:mini}}')
)
# how each image came about goes with its classes: results within each way too
groups = dict(csv='{{$SIXRAY_ROOT:data/sixray_mini}}/manifest.csv', column='pixels')
backbone = dict(
    type='MobileNetV2',
    init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://mobilenet_v2}}'),
)
out_indices = (2, 4, 7)  # strides 8, 16 and 32
channels = (32, 96, 1280)
batch_size = 32
amp = True
stage1 = dict(epochs=12, milestones=[8, 11], lr_scale=2)
stage2 = dict(epochs=16, milestones=[11, 14], lr_scale=0.5)
