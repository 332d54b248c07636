"""Rows of the table that a test prints."""

from mmsxm.evaluation.metric_rows import metric_rows

METRICS = {
    'xray/mAP': 60.0,
    'xray/AP/Gun': 80.0,
    'xray/AP/box cutter': None,
    'xray/pointing': 5.0,
    'xray/class_pointing/Gun': 70.0,
    'xray/class_pointing': 70.0,
    'xray/class_pointing_chance/Gun': 10.0,
    'xray/FPR@90/Gun': 20.0,
    'xray/FPR@90/any_item': 30.0,
    'xray/alarms_per_1000@90/Gun': 250.0,
    'xray/AP/small/Gun': 1.0,
    'xray/mAP/small': 2.0,
    'time': 0.1,
}


def test_a_test_has_a_row_for_each_class_the_mean_and_the_bag():
    assert metric_rows(METRICS, ('Gun', 'box cutter')) == {
        'Gun': {'AP': 80.0, 'class_pointing': 70.0, 'FPR@90': 20.0},
        'box cutter': {'AP': None},
        'mean': {'AP': 60.0, 'class_pointing': 70.0},
        'any_item': {'FPR@90': 30.0},
    }


def test_rows_without_values_are_left_out():
    assert metric_rows({'xray/mAP': 60.0}, ('Gun',)) == {'mean': {'AP': 60.0}}
    assert metric_rows({'accuracy/top1': 60.0}, ('Gun',)) == {}


def test_a_class_may_have_the_name_of_the_bag():
    metrics = {'xray/FPR@90/any_item': 1.0, 'xray/FPR@90/any_item_': 2.0}
    assert metric_rows(metrics, ('any_item',)) == {
        'any_item': {'FPR@90': 1.0},
        'any_item_': {'FPR@90': 2.0},
    }


def test_a_class_may_have_the_name_of_the_mean():
    metrics = {'xray/mAP': 60.0, 'xray/AP/mean': 80.0}
    assert metric_rows(metrics, ('mean',)) == {'mean': {'AP': 80.0}, 'mean_': {'AP': 60.0}}
