# simulated bags in OPIXray's layout, and in SIXray's for the teacher whose labels are transferred
_base_ = './sim-sixray.py'

family = 'opixray'
data = dict(opixray=dict(data_root='data/suites/sim-opixray'))
simulate = dict(opixray={{_base_.simulate.sixray}})
