# teacher for the transfer of Table 4: the CHR of SIXray, with only its class Linears refitted on
# OPIXray; ours, because classes differ and the paper does not say how the loss was computed
_base_ = './chr_opixray.py'

model = dict(backbone=dict(init_cfg=None), frozen=('backbone', 'neck'))
load_from = 'work_dirs/chr_sixray'
default_hooks = dict(handover=dict(first='configs/baselines/chr_sixray.py'))
