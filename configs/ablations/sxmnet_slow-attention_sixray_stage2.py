# ours: the attention head learns at a hundredth of the rate, so that Stage II keeps what Stage I
# taught it; in a first short run, one seed, it went on pointing where the default did not
_base_ = '../sxmnet_sixray_stage2.py'

optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attention_head': dict(lr_mult=0.01)}))
