# the refinement as published: the plain product with the map
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(refinement=dict(type='mmsxm.ProductRefinement'))
