# class evidence with four times the weight of the map loss
_base_ = '../evidence_sixray.py'

model = dict(head=dict(loss_map_weight=4.0))
