import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from digitlab.data import DigitLoader, Digits, load_sample, normalize
from digitlab.data.augmentation import RandomAffine
from digitlab.device import choose_device, has_bfloat16
from digitlab.models import CNN, SoftmaxRegression, create_model
from digitlab.recipes import Recipe, get_recipe, list_recipes, make_optimizer, make_scheduler
from digitlab.training import History, TrainingError, evaluate, fit, predict, train_one_epoch


def sgd(model: nn.Module, learning_rate: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def weights_of(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


# --- one epoch ---


def test_one_epoch_is_the_textbook_loop() -> None:
    digits = load_sample("train")[:250]
    torch.manual_seed(0)
    ours = SoftmaxRegression()
    theirs = copy.deepcopy(ours)
    loader = DigitLoader(digits, 100, shuffle=False)

    scores = train_one_epoch(ours, loader, sgd(ours))

    losses, n_correct, learning_rate = [], 0, 0.05
    for images, labels in loader:
        logits = theirs(images)
        loss = F.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(theirs.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
                parameter -= learning_rate * gradient
        losses += [loss.item()] * len(labels)
        n_correct += int((logits.argmax(1) == labels).sum())
    assert torch.allclose(weights_of(ours), weights_of(theirs), atol=1e-7)
    assert scores.loss == pytest.approx(sum(losses) / 250, rel=1e-5)
    assert (scores.accuracy, scores.n) == (n_correct / 250, 250)


def test_gradients_do_not_pile_up() -> None:
    """The same batch, with a learning rate of zero: the gradient after three steps is that of one."""
    model = SoftmaxRegression()
    batch = (normalize(load_sample("train").images[:50]), load_sample("train").labels[:50])
    train_one_epoch(model, [batch], sgd(model, 0.0))
    once = model.fc.weight.grad
    assert once is not None
    once = once.clone()
    train_one_epoch(model, [batch] * 3, sgd(model, 0.0))
    assert model.fc.weight.grad is not None and torch.allclose(model.fc.weight.grad, once)


def test_scheduler_steps_once_a_batch() -> None:
    model = SoftmaxRegression()
    optimizer = sgd(model, 1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    loader = DigitLoader(load_sample("train")[:40], 10, shuffle=False)
    train_one_epoch(model, loader, optimizer, scheduler=scheduler)
    assert optimizer.param_groups[0]["lr"] == 0.5**4


def test_training_mode_is_on_and_dropout_works() -> None:
    model = CNN().eval()
    train_one_epoch(model, DigitLoader(load_sample("train")[:20], 10, shuffle=False), sgd(model))
    assert model.training


@pytest.mark.parametrize("autocast", [False, True])
def test_a_loss_that_is_not_finite_stops_the_run(autocast: bool) -> None:
    model = SoftmaxRegression()
    loader = DigitLoader(load_sample("train")[:500], 50, shuffle=False)
    with pytest.raises(TrainingError, match="not finite any more: try a smaller learning rate"):
        train_one_epoch(model, loader, sgd(model, 1e38), autocast=autocast)


def test_an_empty_loader_is_an_error() -> None:
    model = SoftmaxRegression()
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        train_one_epoch(model, [], sgd(model))
    with pytest.raises(TrainingError, match="expected a batch or more, got none"):
        evaluate(model, iter([]))


# --- evaluation ---


@settings(max_examples=15, deadline=None, derandomize=True)
@given(batch_size=st.integers(1, 130))
def test_evaluation_is_exact_whatever_the_batch_size(batch_size: int) -> None:
    digits = load_sample("test")[:120]
    torch.manual_seed(0)
    model = SoftmaxRegression()
    with torch.no_grad():
        logits = model(normalize(digits.images))
    scores = evaluate(model, DigitLoader(digits, batch_size, shuffle=False))
    assert scores.loss == pytest.approx(F.cross_entropy(logits, digits.labels).item(), rel=1e-5)
    assert scores.accuracy == int((logits.argmax(1) == digits.labels).sum()) / 120
    assert scores.n == 120


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_and_predict_put_the_mode_back(training: bool, test_digits: Digits) -> None:
    model = create_model("deep").train(training)
    buffers = copy.deepcopy(dict(model.named_buffers()))
    evaluate(model, DigitLoader(test_digits[:30], 10, shuffle=False))
    predict(model, test_digits.images[:30])
    assert model.training == training
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name]), "measuring must not change batch statistics"


def test_predict_is_the_softmax_of_the_logits(test_digits: Digits) -> None:
    model = CNN()
    images = test_digits.images[:25]
    expected = model.eval()(normalize(images)).softmax(dim=1)
    model.train()
    probabilities = predict(model, images, batch_size=7)
    assert torch.allclose(probabilities, expected, atol=1e-6)
    assert torch.allclose(probabilities, predict(model, normalize(images)), atol=1e-6)
    assert not probabilities.requires_grad


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(28, 28, dtype=torch.uint8),
        torch.zeros(2, 28, 28),
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 3, 28, 28),
        torch.zeros(2, 32, 32, dtype=torch.uint8),
    ],
)
def test_predict_names_what_it_expected(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"images: expected UInt8.*28 28.*Float.*1 28 28.* got torch"):
        predict(CNN(), images)


# --- fit ---


def short_fit(seed: int, epochs: int = 2) -> tuple[torch.Tensor, History]:
    torch.manual_seed(seed)
    model = CNN()
    loader = DigitLoader(
        load_sample("train")[:300], 50, shuffle=True, augment=RandomAffine(degrees=5), seed=seed
    )
    val = DigitLoader(load_sample("test")[:100], 100, shuffle=False)
    history = fit(model, loader, val, epochs=epochs, optimizer=sgd(model), progress=False)
    return weights_of(model), history


def test_same_seed_same_weights_to_the_bit() -> None:
    first, again, other = short_fit(0), short_fit(0), short_fit(1)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])
    for ours, theirs in zip(first[1].rows, again[1].rows, strict=True):
        assert dataclasses.replace(ours, seconds=0) == dataclasses.replace(theirs, seconds=0)


def test_fit_goes_on_from_a_history() -> None:
    model = SoftmaxRegression()
    loader = DigitLoader(load_sample("train")[:100], 50, shuffle=True)
    optimizer = sgd(model)
    history = fit(model, loader, epochs=1, optimizer=optimizer, progress=False)
    fit(model, loader, epochs=3, optimizer=optimizer, history=history, progress=False)
    assert [row.epoch for row in history.rows] == [1, 2, 3]
    assert history.rows[0].val_loss is None


def test_fit_learns_digits() -> None:
    torch.manual_seed(0)
    model = CNN()
    loader = DigitLoader(load_sample("train")[:3000], 50, shuffle=True)
    optimizer = make_optimizer(get_recipe("classic"), model)
    val = DigitLoader(load_sample("test")[:500], 500, shuffle=False)
    history = fit(model, loader, val, epochs=2, optimizer=optimizer, progress=False)
    assert history.rows[-1].val_accuracy is not None and history.rows[-1].val_accuracy > 0.85


def test_fit_cannot_learn_shuffled_labels() -> None:
    """The same loop, given nonsense: the validation accuracy stays at chance, so the test above can fail."""
    torch.manual_seed(0)
    digits = load_sample("train")[:1000]
    nonsense = Digits(digits.images, digits.labels[torch.randperm(1000)], "sample", "train")
    model = CNN()
    optimizer = make_optimizer(get_recipe("classic"), model)
    val = DigitLoader(load_sample("test")[:500], 500, shuffle=False)
    history = fit(
        model, DigitLoader(nonsense, 50, shuffle=True), val, epochs=1, optimizer=optimizer, progress=False
    )
    assert history.rows[-1].val_accuracy is not None and history.rows[-1].val_accuracy < 0.3


def test_fit_prints_one_line_an_epoch_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    model = SoftmaxRegression()
    loader = DigitLoader(load_sample("train")[:100], 50, shuffle=False)
    fit(model, loader, epochs=2, optimizer=sgd(model))
    captured = capsys.readouterr()
    assert [line.split()[:2] for line in captured.out.splitlines()] == [["epoch", "1"], ["epoch", "2"]]
    assert captured.err == ""


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


# --- recipes ---


def test_classic_is_the_tutorials_recipe() -> None:
    recipe = get_recipe("classic")
    assert (recipe.model, recipe.epochs, recipe.batch_size, recipe.learning_rate) == ("cnn", 10, 100, 1e-3)
    assert (recipe.schedule, recipe.augment, recipe.autocast) == ("constant", None, False)
    model = create_model("cnn")
    optimizer = make_optimizer(recipe, model)
    assert type(optimizer) is torch.optim.Adam
    assert make_scheduler(recipe, optimizer, 600) is None
    theirs = torch.optim.Adam(model.parameters(), lr=1e-3).defaults
    assert {key: optimizer.defaults[key] for key in ("lr", "betas", "eps", "weight_decay")} == {
        key: theirs[key] for key in ("lr", "betas", "eps", "weight_decay")
    }


def test_fused_adam_takes_the_same_steps_as_plain_adam() -> None:
    torch.manual_seed(0)
    ours = SoftmaxRegression()
    theirs = copy.deepcopy(ours)
    loader = DigitLoader(load_sample("train")[:300], 50, shuffle=False)
    train_one_epoch(ours, loader, make_optimizer(get_recipe("classic"), ours))
    train_one_epoch(theirs, loader, torch.optim.Adam(theirs.parameters(), lr=1e-3))
    assert torch.allclose(weights_of(ours), weights_of(theirs), atol=1e-6)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_trains(name: str) -> None:
    recipe: Recipe = dataclasses.replace(get_recipe(name), epochs=1)
    torch.manual_seed(0)
    model = create_model(recipe.model)
    loader = DigitLoader(load_sample("train")[:512], 64, shuffle=True, augment=recipe.augment)
    optimizer = make_optimizer(recipe, model)
    scheduler = make_scheduler(recipe, optimizer, len(loader))
    before = weights_of(model)
    history = fit(
        model,
        loader,
        epochs=1,
        optimizer=optimizer,
        scheduler=scheduler,
        autocast=recipe.autocast,
        progress=False,
    )
    assert not torch.equal(before, weights_of(model))
    assert history.rows[0].train_loss < 2.4
    assert history.rows[0].lr == pytest.approx(recipe.learning_rate / (25 if scheduler else 1))


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
    model = SoftmaxRegression()
    digits = load_sample("train")[:50]
    loader = DigitLoader(digits, 50, shuffle=False)
    images, labels = next(iter(loader))
    wanted = torch.full((50, 10), 0.01) + 0.9 * F.one_hot(labels, 10)
    expected = -(wanted * model(images).log_softmax(dim=1)).sum(dim=1).mean().item()
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    assert train_one_epoch(model, loader, still, label_smoothing=0.1).loss == pytest.approx(
        expected, rel=1e-5
    )
    assert train_one_epoch(model, loader, still).loss != pytest.approx(expected, rel=1e-3)


def test_a_recipes_betas_reach_the_optimizer() -> None:
    for decay in (0.0, 0.1):
        recipe = dataclasses.replace(get_recipe("fast"), weight_decay=decay)
        assert make_optimizer(recipe, SoftmaxRegression()).defaults["betas"] == (0.7, 0.9)


@pytest.mark.parametrize("ability", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_where_the_processor_has_it(ability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {ability: True}, raising=False)
    assert has_bfloat16(cpu)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {ability: False}, raising=False)
    assert not has_bfloat16(cpu)
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older PyTorch cannot say
    assert not has_bfloat16(cpu)
