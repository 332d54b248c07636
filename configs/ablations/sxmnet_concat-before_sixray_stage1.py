# the image joins before each upsampling, as written in the paper; the default is the authors' code
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(attention_head=dict(concat='before'))
