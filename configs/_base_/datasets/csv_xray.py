# your own bags, with one CSV row per object (docs/own_data.md)
_base_ = './coco_xray.py'

train_dataloader = dict(dataset=dict(type='mmsxm.CsvXray', ann_file='train.csv'))
val_dataloader = dict(dataset=dict(type='mmsxm.CsvXray', ann_file='val.csv'))
test_dataloader = dict(dataset=dict(type='mmsxm.CsvXray', ann_file='test.csv'))
