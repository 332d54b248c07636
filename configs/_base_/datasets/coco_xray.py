# your own bags, annotated in COCO's JSON format, including bags without items (docs/own_data.md)
_base_ = './sixray.py'

data_root = '{{$OWN_ROOT:data/own}}'
names = '{{$OWN_CLASSES:Gun,Knife,Pliers,Scissors,Wrench}}'
classes = [name.strip() for name in names.split(',')]  # in the order of the network outputs
num_classes = len(classes)
item_crop = [dict(type='mmsxm.ItemCrop', num_classes=num_classes)]
class_heatmap = [dict(type='mmsxm.ClassHeatmap', num_classes=num_classes)]
fine_class_heatmap = [dict(type='mmsxm.ClassHeatmap', num_classes=num_classes, stride=4)]
evidence_steps = _base_.train_steps + class_heatmap
evidence_pipeline = _base_.load_items + evidence_steps + _base_.pack_items

data = dict(
    type='mmsxm.CocoXray',
    data_root=data_root,
    data_prefix=dict(img_path='images'),
    metainfo=dict(classes=classes),
)
test_data = dict(test_mode=True, pipeline={{_base_.test_pipeline}}, **data)

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        ann_file='annotations/train.json',
        pipeline={{_base_.train_pipeline}},
        **data,
    )
)
val_dataloader = dict(dataset=dict(_delete_=True, ann_file='annotations/val.json', **test_data))
test_dataloader = dict(dataset=dict(_delete_=True, ann_file='annotations/test.json', **test_data))
