# ours: the attention head learns at a hundredth of the rate
_base_ = './sxmnet_mf-n_sixray_stage2.py'

optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attention_head': dict(lr_mult=0.01)}))
