# Sec. 4.2: SGD, lr 1e-5 for all parameters, /10 every 100 epochs, 350 epochs, batch 64.
# Momentum, weight decay and Nesterov are from the authors' code.
optim_wrapper = dict(
    constructor='mmsxm.CheckedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-5, momentum=0.9, weight_decay=1e-4, nesterov=True, fused=True),
    paramwise_cfg=dict(),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[100, 200, 300], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=350, val_interval=10)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64, enable=False)
