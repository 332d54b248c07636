# ours: published product, with the slow attention head of the default
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(refinement=dict(type='mmsxm.ProductRefinement'))
