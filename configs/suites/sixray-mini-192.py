# the folds at 192 pixels, where maps of items have enough cells to help
_base_ = './sixray-mini-folds.py'

sizes = (219, 192)
stage1 = dict(epochs=6, milestones=[4, 5])
stage2 = dict(epochs=8, milestones=[5, 7])
