# simulated bags in OPIXray's layout, and in SIXray's for the teacher of transferred labels
_base_ = './sim-sixray.py'

family = 'opixray'
about = "simulated bags in OPIXray's layout, 1,200 to train on"
data = dict(opixray=dict(data_root='data/suites/sim-opixray'))
simulate = dict(opixray={{_base_.simulate.sixray}})
