# as published, but with levels from boxes (MF-I), which need no teacher: the plain product with the
# map, and an attention head at the rate of the rest
_base_ = '../sxmnet_sixray_stage2.py'

model = dict(refinement=dict(type='mmsxm.ProductRefinement'))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'_delete_': True, 'head.fcs': dict(lr_mult=5)})
)
