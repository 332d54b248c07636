# ours: the attention head learns at a hundredth of the rate, so that Stage II keeps what Stage I
# taught it (docs/paper.md compares); the published recipe is ablations/sxmnet_product_*
_base_ = './stage2_150e.py'

optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attention_head': dict(lr_mult=0.01)}))
