# learning rates of the authors' code for Stage I: five times the paper's, except for layer2..layer4
_base_ = '../sxmnet_sixray_stage1.py'

optim_wrapper = dict(
    optimizer=dict(lr=5e-5),
    paramwise_cfg=dict(
        custom_keys={f'backbone.layer{i}': dict(lr_mult=0.2) for i in (2, 3, 4)},
    ),
)
