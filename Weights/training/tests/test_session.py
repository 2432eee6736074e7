"""The optimiser, and sessions that resume."""

import pytest
import torch
from torch import nn

from restored_training.curves import draw_curves
from restored_training.muon import MuonWithAdamW, orthogonalised
from restored_training.session import Budget, Session


@pytest.mark.parametrize("shape", [(32, 48), (48, 32), (16, 8, 3, 3)])
def test_newton_schulz_brings_singular_values_near_one(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(gradient).flatten(1))
    assert values.min() > 0.4 and values.max() < 1.4


def test_the_optimiser_learns_what_least_squares_would():
    torch.manual_seed(0)
    model, wanted = nn.Linear(8, 8), nn.Linear(8, 8)
    optimiser = MuonWithAdamW(model, 0.02)
    x = torch.randn(256, 8)
    errors = []
    for step in range(300):
        error = (model(x) - wanted(x)).square().mean()
        errors.append(error.item())
        error.backward()
        optimiser.step(1 - step / 300)
    assert errors[-1] < 0.01 * errors[0]


def test_matrices_of_one_shape_are_updated_in_a_stack_as_they_are_one_by_one():
    def after_steps(are_stacked):
        torch.manual_seed(0)
        model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(3)), nn.Linear(8, 6))
        optimiser = MuonWithAdamW(model, 0.01, decay=0.1)
        optimiser.groups = optimiser._groups(are_stacked)
        for step in range(3):
            # The middle one has no gradient in the second step.
            (model[2](model[0](torch.ones(2, 8))) if step == 1 else model(torch.ones(2, 8))).square().mean().backward()
            optimiser.step()
        return len(optimiser.groups), model.state_dict()

    (alone, one), (together, stacked) = after_steps(False), after_steps(True)
    assert alone == 4 and together == 2
    for name, value in one.items():
        assert torch.allclose(value, stacked[name], atol=1e-3), name


def flat(state, path=""):
    """Every tensor in it, by where it stands."""
    if isinstance(state, torch.Tensor):
        return {path: state}
    parts = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, (list, tuple)) else ()
    return {name: value for key, part in parts for name, value in flat(part, f"{path}/{key}").items()}


def test_a_session_resumes_where_it_stood(tmp_path):
    def session(minutes):
        torch.manual_seed(0)
        model = nn.Linear(6, 6)
        return model, Session("line", tmp_path, model, 0.01, Budget(minutes), measure_every=10)

    def loss_of(model):
        return lambda step, progress: model(torch.ones(1, 6)).square().mean()

    model, first = session(0.002)
    first.run(loss_of(model), lambda: {"quality": 1.0})
    steps = first.step
    assert steps > 0 and (tmp_path / "line.png").exists()
    trained = {name: value.clone() for name, value in torch.load(first.file, weights_only=True)["module"].items()}
    model, second = session(0.004)
    assert second.step == steps and second.history == first.history
    for name, value in model.state_dict().items():
        assert torch.equal(value, trained[name]) and torch.equal(second.average.values[name], first.average.values[name])
        assert not torch.equal(value, second.average.values[name])
    known, resumed = (flat(session.optimiser.state_dict()) for session in (first, second))
    assert known.keys() == resumed.keys() and any(torch.any(value != 0) for value in known.values())
    assert all(torch.equal(value, resumed[name]) for name, value in known.items())
    second.run(loss_of(model), lambda: {"quality": 1.0})
    assert second.step > steps


def test_a_short_session_shows_a_curve_and_once_finished_adds_nothing_to_it(tmp_path):
    lengths = []
    for _ in range(2):
        torch.manual_seed(0)
        model = nn.Linear(6, 6)
        line = Session("line", tmp_path, model, 0.01, Budget(0.01), measure_every=100_000)
        line.run(lambda step, progress: model(torch.ones(1, 6)).square().mean(), lambda: {"quality": 1.0})
        lengths.append(len(line.history))
        assert "loss" in line.history[-1] and [entry["step"] for entry in line.history[1:]] == sorted(
            {entry["step"] for entry in line.history[1:]})
    assert 5 <= lengths[0] == lengths[1] <= 7


def test_curves_show_a_figure_that_the_last_entry_lacks(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda self, title, **_: titles.append(title))
    draw_curves([{"step": 1, "minutes": 1, "loss": 2.0, "gain": 1.0}, {"step": 2, "minutes": 2, "gain": 2.0}],
                tmp_path / "line.png", "line")
    assert titles == ["loss", "gain"] and (tmp_path / "line.png").stat().st_size > 1000


@pytest.mark.parametrize("bad", [lambda value: value * float("nan"), lambda value: (value * 0).sqrt()])
def test_a_gradient_that_is_no_number_ends_a_session_and_is_not_saved(tmp_path, monkeypatch, bad):
    monkeypatch.setattr("restored_training.session.SAVE_SECONDS", 0)
    model = nn.Linear(3, 3)
    line = Session("line", tmp_path, model, 0.01, Budget(0.05), measure_every=1000)

    def loss_of(step, progress):
        value = model(torch.ones(1, 3)).square().mean()
        return bad(value) if step == 5 else value

    with pytest.raises(FloatingPointError, match="line, step 5: the gradient's norm is nan"):
        line.run(loss_of, lambda: {"quality": 1.0})
    saved = torch.load(line.file, weights_only=True)
    assert saved["step"] == 5
    assert all(torch.isfinite(value).all() for state in ("module", "average") for value in saved[state].values())


def test_a_session_without_time_changes_nothing_and_leaves_nothing_to_go_on_from(tmp_path):
    model = nn.Linear(3, 3)
    before = model.weight.detach().clone()
    Session("line", tmp_path, model, 0.01, Budget(0), 10).run(lambda step, progress: 1 / 0, lambda: {"quality": 1.0})
    assert torch.equal(model.weight, before) and not list(tmp_path.glob("*.pt"))


def test_a_step_takes_the_mean_gradient_of_its_parts(tmp_path):
    def after_a_step(parts, targets):
        torch.manual_seed(0)
        model = nn.Linear(4, 4)
        for parameter in model.parameters():
            parameter.data.zero_()
        session = Session("line", tmp_path / str(targets), model, 0.01, Budget(1), 1000, parts=parts)
        waiting = iter(targets)
        gradients = []

        def loss_of(step, progress):
            return (model(torch.ones(1, 4)) - next(waiting)).square().mean()

        session.optimiser.step = lambda rate: gradients.append(model.weight.grad.clone()) or setattr(session, "seconds", 1e9)
        session.run(loss_of, lambda: {"quality": 1.0})
        return gradients[0]

    one, other, both = (after_a_step(len(targets), targets) for targets in ([0.1], [0.3], [0.1, 0.3]))
    assert torch.allclose(both, (one + other) / 2, atol=1e-6) and not torch.allclose(one, other, atol=1e-3)
