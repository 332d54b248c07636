# ours: the published product, and an attention head that learns at a hundredth of the rate
_base_ = './sxmnet_slow-attention_sixray_stage2.py'

model = dict(refinement=dict(type='mmsxm.ProductRefinement'))
