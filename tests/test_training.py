import copy
import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitlab.data import DigitLoader, load_sample, normalize
from digitlab.device import choose_device, has_bfloat16
from digitlab.models import CNN, SoftmaxRegression, create_model
from digitlab.recipes import get_recipe, list_recipes, make_optimizer, make_scheduler
from digitlab.training import TrainingError, evaluate, fit, predict, train_one_epoch

TRAIN, TEST = load_sample("train"), load_sample("test")


def batches(n: int, size: int, **options: Any) -> DigitLoader:
    """Of the sample's first training digits."""
    return DigitLoader(TRAIN[:n], size, **{"shuffle": False, **options})


def sgd(model: nn.Module, learning_rate: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def assert_same_weights(ours: nn.Module, theirs: nn.Module) -> None:
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), atol=1e-6, rtol=0)


def test_one_epoch_is_the_textbook_loop() -> None:
    torch.manual_seed(0)
    ours = SoftmaxRegression().eval()
    theirs, loader = copy.deepcopy(ours), batches(250, 100)
    optimizers = [sgd(model) for model in (ours, theirs)]
    schedules = [torch.optim.lr_scheduler.StepLR(each, step_size=1, gamma=0.5) for each in optimizers]

    scores = train_one_epoch(ours, loader, optimizers[0], scheduler=schedules[0])

    total_loss, n_correct = 0.0, 0
    for images, labels in loader:
        optimizers[1].zero_grad()
        logits = theirs(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizers[1].step()
        schedules[1].step()
        total_loss += loss.item() * len(labels)
        n_correct += int((logits.argmax(1) == labels).sum())
    assert_same_weights(ours, theirs)
    assert scores.loss == pytest.approx(total_loss / 250, rel=1e-5)
    assert (scores.accuracy, scores.n, ours.training) == (n_correct / 250, 250, True)


@pytest.mark.parametrize("autocast", [False, True])
def test_a_loss_that_is_not_finite_stops_the_run(autocast: bool) -> None:
    model = SoftmaxRegression()
    with pytest.raises(TrainingError, match="not finite any more: try a smaller learning rate"):
        train_one_epoch(model, batches(500, 50), sgd(model, 1e38), autocast=autocast)


def test_nothing_to_learn_from_is_an_error() -> None:
    model = SoftmaxRegression()
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        train_one_epoch(model, [], sgd(model))
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        evaluate(model, iter([]))
    with pytest.raises(ValueError, match="epochs: expected 1 or more, got 0"):
        fit(model, [], epochs=0, optimizer=sgd(model))


@pytest.mark.parametrize("batch_size", [1, 7, 60, 119, 130])
def test_evaluation_is_exact_whatever_the_batch_size(batch_size: int) -> None:
    torch.manual_seed(0)
    model, digits = SoftmaxRegression(), TEST[:120]
    with torch.no_grad():
        logits = model(normalize(digits.images))
    scores = evaluate(model, DigitLoader(digits, batch_size, shuffle=False))
    assert scores.loss == pytest.approx(F.cross_entropy(logits, digits.labels).item(), rel=1e-5)
    assert (scores.accuracy, scores.n) == (int((logits.argmax(1) == digits.labels).sum()) / 120, 120)


@pytest.mark.parametrize("training", [True, False])
def test_measuring_changes_neither_the_mode_nor_batch_statistics(training: bool) -> None:
    model = create_model("deep").train(training)
    before = copy.deepcopy(model)
    evaluate(model, DigitLoader(TEST[:30], 10, shuffle=False))
    predict(model, TEST.images[:30])
    assert model.training == training
    assert_same_weights(model, before)


def test_predict_is_the_softmax_of_the_logits() -> None:
    model = CNN()
    images = TEST.images[:25]
    expected = model.eval()(normalize(images)).softmax(dim=1)
    model.train()
    probabilities = predict(model, images, batch_size=7)
    assert torch.allclose(probabilities, expected, atol=1e-6)
    assert torch.allclose(probabilities, predict(model, normalize(images)), atol=1e-6)
    assert not probabilities.requires_grad


def test_fit_goes_on_from_a_history_and_prints_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model, loader, val = SoftmaxRegression(), batches(100, 50), DigitLoader(TEST[:100], 100, shuffle=False)
    optimizer = sgd(model)
    history = fit(model, loader, epochs=1, optimizer=optimizer)
    fit(model, loader, val, epochs=3, optimizer=optimizer, history=history)
    assert [row.epoch for row in history.rows] == [1, 2, 3]
    first, *_, last = history.rows
    scores = evaluate(model, val)
    assert (first.val_loss, last.val_loss, last.val_accuracy) == (None, scores.loss, scores.accuracy)
    captured = capsys.readouterr()
    assert [line.split()[:2] for line in captured.out.splitlines()] == [["epoch", n] for n in "123"]
    assert captured.err == "", "no bar where there is no terminal"


def test_choose_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


def test_classic_is_the_tutorials_recipe() -> None:
    recipe = get_recipe("classic")
    assert (recipe.model, recipe.epochs, recipe.batch_size, recipe.dropout) == ("cnn", 10, 100, 0.5)
    assert (recipe.schedule, recipe.augment, recipe.autocast) == ("constant", None, False)
    ours = SoftmaxRegression()
    theirs, loader = copy.deepcopy(ours), batches(300, 50)
    optimizer = make_optimizer(recipe, ours)
    assert make_scheduler(recipe, optimizer, 600) is None
    train_one_epoch(ours, loader, optimizer)
    train_one_epoch(theirs, loader, torch.optim.Adam(theirs.parameters(), lr=1e-3))
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_trains(name: str) -> None:
    recipe = dataclasses.replace(get_recipe(name), epochs=1)
    torch.manual_seed(0)
    model = create_model(recipe.model)
    before = copy.deepcopy(model)
    loader = batches(256, 32, shuffle=True, augment=recipe.augment)
    optimizer = make_optimizer(recipe, model)
    settings = (optimizer.defaults["betas"], optimizer.defaults["weight_decay"])
    assert settings == (recipe.betas, recipe.weight_decay)
    scheduler = make_scheduler(recipe, optimizer, len(loader))
    options: Any = {"scheduler": scheduler, "autocast": recipe.autocast, "progress": False}
    (row,) = fit(model, loader, epochs=1, optimizer=optimizer, **options).rows
    assert all(map(torch.any, [p - q for p, q in zip(model.parameters(), before.parameters(), strict=True)]))
    assert row.train_loss < 2.4
    assert row.lr == pytest.approx(recipe.learning_rate / (25 if scheduler else 1))


def test_one_cycle_goes_up_and_ends_with_the_run() -> None:
    recipe, model = get_recipe("fast"), SoftmaxRegression()
    optimizer, rates = make_optimizer(recipe, model), []
    scheduler = make_scheduler(recipe, optimizer, steps_per_epoch=40)
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
    smoothed = train_one_epoch(model, loader, sgd(model, 0.0), label_smoothing=0.1)
    assert smoothed.loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("ability", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_where_the_processor_has_it(ability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: {ability: has}, raising=False)
        assert has_bfloat16(torch.device("cpu")) == has
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older PyTorch cannot say
    assert not has_bfloat16(torch.device("cpu"))
