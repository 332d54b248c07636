# a small set of real SIXray images (SIXRAY_ROOT, SIXRAY_SET), a light network with ImageNet weights
# (PRETRAINED) and short schedules, for two CPU cores
family = 'sixray'
about = 'a subset of SIXray, real bags'
data = dict(
    sixray=dict(data_root='{{$SIXRAY_ROOT:data/sixray_mini}}', image_set='{{$SIXRAY_SET:mini}}')
)
# the origin of an image correlates with its classes, so report results within each origin as well
groups = dict(csv='{{$SIXRAY_ROOT:data/sixray_mini}}/manifest.csv', column='pixels')
backbone = dict(
    type='MobileNetV2',
    init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://mobilenet_v2}}'),
)
out_indices = (2, 4, 7)  # strides 8, 16 and 32
channels = (32, 96, 1280)
pyramid_channels = 128
sizes = (146, 128)
batch_size = 32
amp = True
val_interval = 2
stage1 = dict(epochs=8, milestones=[6, 7], lr_scale=10, max_norm=200)
stage2 = dict(epochs=10, milestones=[7, 9], lr_scale=0.5)
