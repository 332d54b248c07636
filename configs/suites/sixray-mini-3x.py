# sixray-mini with three times the epochs, to see if longer training changes the order of networks
_base_ = './sixray-mini.py'

val_interval = 6
stage1 = dict(epochs=24, milestones=[18, 21])
stage2 = dict(epochs=30, milestones=[21, 27])
