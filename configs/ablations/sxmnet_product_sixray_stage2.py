# as published: plain product with the map, and an attention head with the learning rate of the rest
_base_ = './sxmnet_fast-attention_sixray_stage2.py'

model = dict(refinement=dict(type='mmsxm.ProductRefinement'))
