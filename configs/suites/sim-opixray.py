# simulated bags in OPIXray's layout, and in SIXray's for the teacher whose labels are transferred
family = 'opixray'
data = dict(
    opixray=dict(data_root='data/suites/sim-opixray'),
    sixray=dict(data_root='data/suites/sim-sixray', image_set='10'),
)
simulate = dict(
    opixray=dict(train=2000, test=500, workers=2, image_size=(128, 128), crowding='sparse'),
    sixray=dict(train=2000, test=500, workers=2, image_size=(128, 128), crowding='sparse'),
)
backbone = dict(type='ResNet', depth=18, init_cfg=None)
out_indices = (1, 2, 3)
channels = (128, 256, 512)
sizes = (128, 112)
batch_size = 32
amp = True
stage1 = dict(epochs=6, milestones=[4, 5], lr_scale=4)
stage2 = dict(epochs=12, milestones=[8, 11], lr_scale=0.5)
