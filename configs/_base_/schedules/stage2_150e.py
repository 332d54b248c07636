# Sec. 4.2: SGD, lr 1e-1 for the class Linears and 2e-2 for the rest, /10 every 30 epochs,
# 150 epochs, batch 64. Momentum, weight decay and Nesterov are from the authors' code.
optim_wrapper = dict(
    constructor='mmsxm.CheckedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=2e-2, momentum=0.9, weight_decay=1e-4, nesterov=True, fused=True),
    paramwise_cfg=dict(custom_keys={'head.fcs': dict(lr_mult=5)}),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90, 120], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=150, val_interval=5)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64, enable=False)
