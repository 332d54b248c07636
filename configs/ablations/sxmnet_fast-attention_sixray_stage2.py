# the attention head has the same learning rate as the rest, as published
_base_ = './sxmnet_mf-n_sixray_stage2.py'

optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'_delete_': True, 'head.fcs': dict(lr_mult=5)})
)
