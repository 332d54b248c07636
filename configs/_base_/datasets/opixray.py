# OPIXray, white margins cut before anything else (Sec. 4.1)
_base_ = './sixray.py'

data_root = '{{$OPIXRAY_ROOT:data/opixray}}'

load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_label=False),
    dict(type='mmsxm.CropBackground'),
]
# the paper names no size; these are the authors' code's
resize = [dict(type='Resize', scale=(256, 256), interpolation='area', clip_object_border=False)]
augment = [
    dict(type='mmsxm.RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
]
# CHR's code flips horizontally alone
chr_augment = augment[:2]
meta_level = [dict(type='mmsxm.IntuitiveMetaLevel')]  # before the crop: a property of the image
heatmap = [dict(type='mmsxm.EllipseHeatmap', stride=4)]
pack = [
    dict(
        type='PackInputs',
        algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level', 'occlusion_level'),
    )
]

train_pipeline = load + resize + augment + pack
stage1_pipeline = load + resize + augment + heatmap + pack
stage2_pipeline = load + meta_level + resize + augment + pack
chr_pipeline = load + resize + chr_augment + pack
chr_mf_i_pipeline = load + meta_level + resize + chr_augment + pack
test_pipeline = load + resize + [dict(type='mmsxm.CenterCrop', crop_size=224)] + pack

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmsxm.OPIXray',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmsxm.OPIXray',
        data_root=data_root,
        split='test',
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
