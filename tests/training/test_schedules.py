"""Learning rates against values by hand: peak 0.1, 4 steps of warmup, 20 steps in all."""

import pytest

from tfzoo.training.config import TrainConfig
from tfzoo.training.schedules import FALLING_TO_AN_END, SCHEDULES, learning_rate

BY_HAND = {  # Step: share of the peak. Of 17 steps down (20 + 1 - 4), step 12 has gone 8.
    "cosine": {4: 1.0, 12: 0.5461341, 20: 0.0085135},
    "linear": {4: 1.0, 12: 9 / 17, 20: 1 / 17, 25: 0.0},
    "inverse_sqrt": {4: 1.0, 16: 0.5, 20: 0.4472136, 100: 0.2},
    "constant": {4: 1.0, 12: 1.0, 20: 1.0},
}


def rate(schedule, step, **fields):
    fields = {"learning_rate": 0.1, "warmup_steps": 4, "train_steps": 20, **fields}
    return float(learning_rate(TrainConfig(schedule=schedule, **fields), step))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_values_by_hand(schedule):
    for step, share in BY_HAND[schedule].items():
        assert rate(schedule, step) == pytest.approx(0.1 * share, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("schedule", FALLING_TO_AN_END)
def test_the_lowest_rate_is_reached_one_step_after_the_last(schedule):
    lowest = {"min_learning_rate": 0.02}
    for step, share in BY_HAND[schedule].items():
        assert rate(schedule, step, **lowest) == pytest.approx(0.02 + 0.08 * share, rel=1e-5)
    assert rate(schedule, 21, **lowest) == pytest.approx(0.02, rel=1e-5)
    assert rate(schedule, 1, **lowest) == pytest.approx(0.025)  # A quarter of the peak, not more.


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warmup_rises_evenly_from_the_first_step(schedule):
    shares = [rate(schedule, step) / 0.1 for step in (1, 2, 3, 4)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0], rel=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warmup_the_first_step_is_near_the_peak(schedule):
    assert rate(schedule, 1, warmup_steps=0) >= 0.095


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_may_end_within_its_warmup(schedule):
    assert rate(schedule, 3, warmup_steps=30) == pytest.approx(0.01)
