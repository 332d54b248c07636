# ours: the attention head has a hundredth of the learning rate, so that Stage II preserves what
# it learned in Stage I (docs/why_attention_dies.md); ablations/sxmnet_product_* is as published
_base_ = './stage2_150e.py'

optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attention_head': dict(lr_mult=0.01)}))
