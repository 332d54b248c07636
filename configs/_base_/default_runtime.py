default_scope = 'mmpretrain'
custom_imports = dict(
    imports=['mmsxm.models', 'mmsxm.datasets', 'mmsxm.evaluation', 'mmsxm.engine'],
    allow_failed_imports=False,
)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # each process tests with the same batch statistics, which are also those of the checkpoint
    sync_buffers=dict(type='SyncBuffersHook'),
    # transforms draw from (seed, epoch, sample), so a resumed run equals an uninterrupted one
    sample_seed=dict(type='mmsxm.SampleSeedHook'),
    # keep items of test images out of training
    threat_bank=dict(type='mmsxm.ThreatBankHook'),
    # loaded weights must be complete
    pretrained=dict(type='mmsxm.PretrainedHook'),
    handover=dict(type='mmsxm.StageTransferHook'),
    param_groups=dict(type='mmsxm.ParamGroupsHook'),
    input_size=dict(type='mmsxm.InputSizeHook'),
    pixel_mapping=dict(type='mmsxm.PixelMappingHook'),
    class_num=dict(type='ClassNumCheckHook'),
    # each epoch ends with an optimizer step, so resuming loses no gradients (docs/reliability.md)
    accumulation=dict(type='mmsxm.AccumulationHook'),
    # stop if the loss is NaN; resume only with the same data; exit on SIGTERM (docs/reliability.md)
    finite_loss=dict(type='mmsxm.StopAtNonFiniteHook'),
    same_data=dict(type='mmsxm.DatasetFingerprintHook'),
    stop=dict(type='mmsxm.GracefulStopHook'),
)

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='UniversalVisualizer', vis_backends=vis_backends)

log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
