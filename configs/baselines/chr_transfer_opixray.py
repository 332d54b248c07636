# the teacher of Table 4's transfer: SIXray's CHR, of which OPIXray refits the class Linears alone;
# ours, since classes differ and the paper does not say how the loss was taken
_base_ = './chr_opixray.py'

model = dict(backbone=dict(init_cfg=None), frozen=('backbone', 'neck'))
load_from = 'work_dirs/chr_sixray'
default_hooks = dict(handover=dict(first='configs/baselines/chr_sixray.py'))
