import numpy as np

from loadtasks.verdict.history.peers import Peers


def test_the_sum_of_others_leaves_out_oneself_and_those_of_other_groups():
    others = Peers([7, 3, 7, None, 7, None]).of_others(np.array([1.0, 10.0, 2.0, 20.0, 4.0, 40.0]))
    assert others.tolist() == [6.0, 0.0, 5.0, 0.0, 3.0, 0.0]
