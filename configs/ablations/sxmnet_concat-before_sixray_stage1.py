# the image joins before each upsampling, as the paper words it; the default is the authors' code's
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(attention_head=dict(concat='before'))
