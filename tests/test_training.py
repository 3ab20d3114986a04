import copy
import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from digitlab.data import DigitLoader, load_sample, normalize
from digitlab.data.augmentation import RandomAffine
from digitlab.device import choose_device, has_bfloat16
from digitlab.models import CNN, SoftmaxRegression, create_model
from digitlab.recipes import Recipe, get_recipe, list_recipes, make_optimizer, make_scheduler
from digitlab.training import TrainingError, evaluate, fit, predict, train_one_epoch

TRAIN, TEST = load_sample("train"), load_sample("test")


def batches(n: int, size: int, shuffle: bool = False, **options: Any) -> DigitLoader:
    """Of the sample's first training digits."""
    return DigitLoader(TRAIN[:n], size, shuffle=shuffle, **options)


def sgd(model: nn.Module, learning_rate: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def weights_of(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_one_epoch_is_the_textbook_loop() -> None:
    torch.manual_seed(0)
    ours = SoftmaxRegression()
    theirs = copy.deepcopy(ours)
    loader = batches(250, 100)

    scores = train_one_epoch(ours, loader, sgd(ours))

    losses, n_correct = [], 0
    for images, labels in loader:
        logits = theirs(images)
        loss = F.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(theirs.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
                parameter -= 0.05 * gradient
        losses += [loss.item()] * len(labels)
        n_correct += int((logits.argmax(1) == labels).sum())
    assert torch.allclose(weights_of(ours), weights_of(theirs), atol=1e-7)
    assert scores.loss == pytest.approx(sum(losses) / 250, rel=1e-5)
    assert (scores.accuracy, scores.n) == (n_correct / 250, 250)


def test_the_scheduler_steps_once_a_batch_and_training_mode_is_on() -> None:
    model = CNN().eval()
    optimizer = sgd(model, 1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    train_one_epoch(model, batches(40, 10), optimizer, scheduler=scheduler)
    assert optimizer.param_groups[0]["lr"] == 1e-3 * 0.5**4 and model.training


@pytest.mark.parametrize("autocast", [False, True])
def test_a_loss_that_is_not_finite_stops_the_run(autocast: bool) -> None:
    model = SoftmaxRegression()
    with pytest.raises(TrainingError, match="not finite any more: try a smaller learning rate"):
        train_one_epoch(model, batches(500, 50), sgd(model, 1e38), autocast=autocast)


def test_an_empty_loader_is_an_error() -> None:
    model = SoftmaxRegression()
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        train_one_epoch(model, [], sgd(model))
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        evaluate(model, iter([]))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(batch_size=st.integers(1, 130))
def test_evaluation_is_exact_whatever_the_batch_size(batch_size: int) -> None:
    torch.manual_seed(0)
    model, digits = SoftmaxRegression(), TEST[:120]
    with torch.no_grad():
        logits = model(normalize(digits.images))
    scores = evaluate(model, DigitLoader(digits, batch_size, shuffle=False))
    assert scores.loss == pytest.approx(F.cross_entropy(logits, digits.labels).item(), rel=1e-5)
    assert scores.accuracy == int((logits.argmax(1) == digits.labels).sum()) / 120
    assert scores.n == 120


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_and_predict_put_the_mode_back(training: bool) -> None:
    model = create_model("deep").train(training)
    buffers = copy.deepcopy(dict(model.named_buffers()))
    evaluate(model, DigitLoader(TEST[:30], 10, shuffle=False))
    predict(model, TEST.images[:30])
    assert model.training == training
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name]), "measuring must not change batch statistics"


def test_predict_is_the_softmax_of_the_logits() -> None:
    model = CNN()
    images = TEST.images[:25]
    expected = model.eval()(normalize(images)).softmax(dim=1)
    model.train()
    probabilities = predict(model, images, batch_size=7)
    assert torch.allclose(probabilities, expected, atol=1e-6)
    assert torch.allclose(probabilities, predict(model, normalize(images)), atol=1e-6)
    assert not probabilities.requires_grad


@pytest.mark.parametrize("shape", [(28, 28), (2, 1, 28, 28), (2, 3, 28, 28), (2, 32, 32)])
def test_predict_names_what_it_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images: expected UInt8.*28 28.*Float.*1 28 28.* got torch"):
        predict(CNN(), torch.zeros(shape, dtype=torch.uint8))


def test_same_seed_same_weights_to_the_bit() -> None:
    def short_fit(seed: int) -> tuple[torch.Tensor, object]:
        torch.manual_seed(seed)
        model, augment = CNN(), RandomAffine(degrees=5)
        loader = batches(300, 50, shuffle=True, augment=augment, seed=seed)
        val = DigitLoader(TEST[:100], 100, shuffle=False)
        history = fit(model, loader, val, epochs=2, optimizer=sgd(model), progress=False)
        return weights_of(model), [dataclasses.replace(row, seconds=0) for row in history.rows]

    first, again, other = short_fit(0), short_fit(0), short_fit(1)
    assert torch.equal(first[0], again[0]) and first[1] == again[1]
    assert not torch.equal(first[0], other[0])


def test_fit_goes_on_from_a_history_and_prints_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model, loader = SoftmaxRegression(), batches(100, 50)
    optimizer = sgd(model)
    history = fit(model, loader, epochs=1, optimizer=optimizer)
    fit(model, loader, epochs=3, optimizer=optimizer, history=history)
    assert [row.epoch for row in history.rows] == [1, 2, 3]
    assert history.rows[0].val_loss is None
    captured = capsys.readouterr()
    assert [line.split()[:2] for line in captured.out.splitlines()] == [["epoch", n] for n in "123"]
    assert captured.err == "", "no bar where there is no terminal"


@pytest.mark.parametrize(("right_labels", "low", "high"), [(True, 0.8, 1), (False, 0, 0.3)])
def test_fit_learns_digits_and_cannot_learn_nonsense(right_labels: bool, low: float, high: float) -> None:
    torch.manual_seed(0)
    model, digits = CNN(), TRAIN[:1500]
    if not right_labels:
        digits = dataclasses.replace(digits, labels=digits.labels[torch.randperm(1500)])
    optimizer = make_optimizer(get_recipe("classic"), model)
    loader, val = DigitLoader(digits, 25, shuffle=True), DigitLoader(TEST[:500], 500, shuffle=False)
    history = fit(model, loader, val, epochs=2, optimizer=optimizer, progress=False)
    assert low <= (history.rows[-1].val_accuracy or 0.0) < high


def test_fit_refuses_zero_epochs() -> None:
    with pytest.raises(ValueError, match="epochs: expected 1 or more, got 0"):
        fit(SoftmaxRegression(), [], epochs=0, optimizer=sgd(SoftmaxRegression()))


def test_choose_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="'cuda' is not available here"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        choose_device("gpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


def test_classic_is_the_tutorials_recipe() -> None:
    recipe = get_recipe("classic")
    assert (recipe.model, recipe.epochs, recipe.batch_size, recipe.learning_rate) == ("cnn", 10, 100, 1e-3)
    assert (recipe.schedule, recipe.augment, recipe.autocast) == ("constant", None, False)
    model = create_model("cnn")
    optimizer = make_optimizer(recipe, model)
    assert type(optimizer) is torch.optim.Adam
    assert make_scheduler(recipe, optimizer, 600) is None
    theirs = torch.optim.Adam(model.parameters(), lr=1e-3).defaults
    for key in ("lr", "betas", "eps", "weight_decay"):
        assert optimizer.defaults[key] == theirs[key]


def test_fused_adam_takes_the_same_steps_as_plain_adam() -> None:
    torch.manual_seed(0)
    ours = SoftmaxRegression()
    theirs = copy.deepcopy(ours)
    loader = batches(300, 50)
    train_one_epoch(ours, loader, make_optimizer(get_recipe("classic"), ours))
    train_one_epoch(theirs, loader, torch.optim.Adam(theirs.parameters(), lr=1e-3))
    assert torch.allclose(weights_of(ours), weights_of(theirs), atol=1e-6)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_trains(name: str) -> None:
    recipe: Recipe = dataclasses.replace(get_recipe(name), epochs=1)
    torch.manual_seed(0)
    model = create_model(recipe.model)
    loader = batches(256, 32, shuffle=True, augment=recipe.augment)
    optimizer = make_optimizer(recipe, model)
    scheduler = make_scheduler(recipe, optimizer, len(loader))
    before = weights_of(model)
    options: Any = {"scheduler": scheduler, "autocast": recipe.autocast, "progress": False}
    (row,) = fit(model, loader, epochs=1, optimizer=optimizer, **options).rows
    assert not torch.equal(before, weights_of(model))
    assert row.train_loss < 2.4
    assert row.lr == pytest.approx(recipe.learning_rate / (25 if scheduler else 1))


def test_one_cycle_goes_up_and_ends_with_the_run() -> None:
    recipe, model = get_recipe("fast"), SoftmaxRegression()
    optimizer = make_optimizer(recipe, model)
    scheduler = make_scheduler(recipe, optimizer, steps_per_epoch=40)
    assert scheduler is not None
    rates = []
    for _ in range(40 * recipe.epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert max(rates) == pytest.approx(recipe.learning_rate, rel=0.01)
    assert rates.index(max(rates)) < 20
    assert rates[-1] < recipe.learning_rate / 10_000


def test_smoothed_labels_ask_for_nine_tenths_and_a_little_of_everything() -> None:
    model, loader = SoftmaxRegression(), batches(50, 50)
    images, labels = next(iter(loader))
    wanted = torch.full((50, 10), 0.01) + 0.9 * F.one_hot(labels, 10)
    expected = F.cross_entropy(model(images), wanted).item()
    still = sgd(model, 0.0)
    smoothed = train_one_epoch(model, loader, still, label_smoothing=0.1).loss
    assert smoothed == pytest.approx(expected, rel=1e-5)
    assert train_one_epoch(model, loader, still).loss != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_recipes_betas_and_decay_reach_the_optimizer(decay: float) -> None:
    recipe = dataclasses.replace(get_recipe("fast"), weight_decay=decay)
    defaults = make_optimizer(recipe, SoftmaxRegression()).defaults
    assert (defaults["betas"], defaults["weight_decay"]) == ((0.7, 0.9), decay)


@pytest.mark.parametrize("ability", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_where_the_processor_has_it(ability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: {ability: has}, raising=False)
        assert has_bfloat16(cpu) == has
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older PyTorch cannot say
    assert not has_bfloat16(cpu)
