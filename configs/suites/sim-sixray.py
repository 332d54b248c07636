# simulated bags in SIXray's layout and a small network from random weights, for two CPU cores
family = 'sixray'
about = "simulated bags in SIXray's layout, 1,200 to train on"
data = dict(sixray=dict(data_root='data/suites/sim-sixray', image_set='10'))
simulate = dict(
    sixray=dict(train=1200, test=400, workers=2, image_size=(128, 128), crowding='sparse')
)
backbone = dict(type='ResNet', depth=18, init_cfg=None)
out_indices = (1, 2, 3)
channels = (128, 256, 512)
pyramid_channels = 128
sizes = (128, 112)
batch_size = 32
amp = True
val_interval = 2
stage1 = dict(epochs=6, milestones=[4, 5], lr_scale=10, max_norm=200)
stage2 = dict(epochs=10, milestones=[7, 9], lr_scale=0.5)
