# CHR's code: SGD, lr 1e-2 for all parameters, momentum 0.9, weight decay 1e-4, 15 epochs or 30
# (train_cfg.max_epochs=30), /10 at 15 and 23. Its batch sizes differ. 64 is the paper's (Sec. 4.2).
optim_wrapper = dict(
    constructor='mmsxm.CheckedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-2, momentum=0.9, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[15, 23], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=15, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64, enable=False)
