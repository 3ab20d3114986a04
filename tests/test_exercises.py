"""Every exercise: starter not attempted, solution correct, each known wrong answer told its own mistake."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor, nn

import digitlab
from digitlab.exercises import Exercise, Verdict, edit, exercise, list_exercises

EXERCISES = list_exercises()
LESSONS = sorted((Path(digitlab.__file__).parents[1] / "lessons").glob("*.ipynb"))


@pytest.fixture(params=EXERCISES, ids=lambda each: each.number)
def each(request: pytest.FixtureRequest) -> Exercise:
    return request.param


@functools.cache
def cells_of(lesson: str) -> list[dict[str, Any]]:
    (path,) = (path for path in LESSONS if path.stem.startswith(lesson))
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def run_cell(each: Exercise, code: str) -> Any:
    """What the learner's notebook holds under the exercise's name after a cell with this code has run."""
    sources = ["".join(cell["source"]) for cell in cells_of(each.number[:2]) if cell["cell_type"] == "code"]
    imports = re.findall(r"^(?:import|from) .*", "\n".join(sources), re.MULTILINE)
    namespace: dict[str, Any] = {}
    exec(compile("\n".join([*imports, code]), "cell", "exec"), namespace)
    return namespace[each.name]


def test_their_numbers_are_in_order() -> None:
    numbers = [each.number for each in EXERCISES]
    assert numbers == sorted(set(numbers))


def test_the_starter_is_not_attempted_and_the_solution_as_shown_is_correct(each: Exercise) -> None:
    for unwritten in (run_cell(each, each.starter), ...):
        assert each.check(unwritten).status == "not attempted"
    assert each.check(run_cell(each, str(each.solution()))) == Verdict("correct", each.praise)


def test_each_wrong_answer_is_told_its_own_mistake(each: Exercise) -> None:
    for wrong in each.wrong:
        assert each.check(wrong.apply(each.answer)) == Verdict("incorrect", wrong.diagnosis), wrong
    assert len({wrong.diagnosis for wrong in each.wrong}) == len(each.wrong) >= 2
    assert "NameError" not in str([outcome for outcome, _ in each._known]), "it lacks an import"


def test_hints_lead_on_and_then_stay(each: Exercise) -> None:
    each._hints_given = 0
    given = [str(exercise(each.number).hint()) for _ in range(len(each.hints) + 1)]
    starts = [f"Hint {n} of {len(each.hints)}: {hint[:40]}" for n, hint in enumerate(each.hints, start=1)]
    assert len(starts) >= 2 and given[-1] == given[-2]
    assert all(text.startswith(start) for text, start in zip(given, starts, strict=False))


def test_looking_at_it_says_how_hard_and_gives_nothing_away(each: Exercise) -> None:
    shown = repr(each)
    assert all(text in shown for text in (each.number, each.title, str(each.minutes), each.difficulty))
    secrets = (each.praise, *each.hints, *(wrong.diagnosis for wrong in each.wrong))
    assert len(shown) < 200 and not any(text in shown for text in secrets)
    assert 1 <= each.minutes <= 40 and each.name in each.starter


def test_a_constant_is_not_taken_for_a_mistake_that_it_hits_by_chance() -> None:
    each = exercise("12.5")
    assert each.check(lambda *_: 2).message not in [wrong.diagnosis for wrong in each.wrong]


def changes_its_input(*inputs: Any) -> Any:
    for value in inputs:
        if isinstance(value, Tensor) and value.numel():
            value.mul_(0).add_(7)
    return inputs[0] if inputs else None


ODD_ANSWERS = {
    "raises": lambda *_: 1 / 0,
    "exits": lambda *_: exit(3),
    "returns text": lambda *_: "forty-two",
    "returns nothing": lambda *_: print(end=""),
    "returns nan": lambda *_: float("nan"),
    "returns infinite tensors": lambda *_: torch.full((3, 3), float("inf")),
    "returns an empty tensor": lambda *_: torch.zeros(0),
    "wants other arguments": lambda a, b, c, d, e, f: a,
    "changes its input": changes_its_input,
    "a number": 3,
    "a dictionary": {"a": 1},
    "a module": nn.Linear(2, 2),
}


def test_odd_answers_get_a_calm_paragraph(each: Exercise) -> None:
    for odd, answer in ODD_ANSWERS.items():
        verdict = each.check(answer)
        assert verdict.status in ("incorrect", "correct"), odd
        assert verdict.message.strip() and "Traceback" not in verdict.message, odd
        assert len(verdict.message) < 600, odd


def edited(number: str, *texts: str) -> Any:
    """The reference of an exercise with old texts replaced by new ones."""
    return edit(*texts, "").apply(exercise(number).answer)


def box_as_a_tensor(ink: Tensor) -> Tensor:
    marked = (ink > 0).nonzero()
    return torch.cat([marked.amin(dim=0), marked.amax(dim=0) + 1])


def loss_by_hand(logits: Tensor, labels: Tensor) -> np.float64:
    return np.float64((logits.logsumexp(1) - logits[range(len(labels)), labels]).mean())


def dropout_in_numpy(numbers: Tensor, p: float, training: bool) -> Any:
    array = numbers.numpy()
    return array * (np.random.rand(*array.shape) >= p) / (1 - p) if training else array


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("00.1", lambda scores: [int(row.argmax()) for row in scores]),
        ("00.1", lambda scores: scores.numpy().argmax(1)),
        ("01.1", lambda labels: nn.functional.one_hot(labels, 10).float().sum(0)),
        ("02.1", lambda logits: [(row - row.logsumexp(0)).exp() for row in logits]),
        ("02.2", loss_by_hand),
        ("03.1", lambda w, g, rate: torch.tensor([a - rate * b for a, b in zip(w, g, strict=True)])),
        ("03.2", lambda n, size: [part.tolist() for part in torch.randperm(n).split(size)]),
        ("06.2", lambda: np.array([260, 5020, 16050, 510])),
        ("06.5", lambda n: -n if n in (1, 3) else 1 - n),
        ("09.5", edited("09.5", "folds.unique()", "range(5)")),
        ("10.3", edited("10.3", "image.min()", "-0.1307 / 0.3081")),
        ("11.4", dropout_in_numpy),
        ("15.3", lambda a, b, limit: (np.abs(a - b).max() <= limit) & (a.argmax(1) == b.argmax(1)).all()),
        ("13.2", box_as_a_tensor),
    ],
)
def test_a_right_answer_may_be_written_in_another_way(number: str, answer: Any) -> None:
    assert exercise(number).check(answer).status == "correct"


def uphill_and_more(weights: Tensor, gradient: Tensor, learning_rate: float) -> Tensor:
    """The first case shows the known mistake; the second fails in another way."""
    step = weights + learning_rate * gradient
    return step if weights.ndim == 1 else step + 1


def gradient_by_a_helper(logits: Tensor, labels: Tensor) -> Tensor:
    def helper(z: Tensor) -> Tensor:
        return torch.autograd.grad(nn.functional.cross_entropy(z, labels), z)[0]

    return helper(logits.clone().requires_grad_())


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("03.1", uphill_and_more, "this walks uphill"),
        ("04.1", edited("04.1", " * len(labels)", "", "n += len(labels)", "n += 1", "model.train(was_training)", ""),
         "mean of the batches' means"),
        # What differs, or what to return.
        ("00.1", lambda scores: [row.argmax() + 0.4 for row in scores], "the dtype is torch.float32"),
        ("00.3", lambda model: model.parameters, "parameters itself, a function"),
        ("00.3", lambda model: sum((p.numel for p in model.parameters()), start=0.0), "as in x.numel()"),
        ("01.2", lambda data: data, "behind the header"),
        ("01.3", lambda data, shape: np.frombuffer(data, np.uint8, offset=4).copy(), "a NumPy array; asked for"),
        ("01.4", lambda images: digitlab.normalize(images), "written out"),
        ("01.5", lambda labels, share: digitlab.train_val_split(labels), "calls dl.train_val_split"),
        ("02.1", lambda logits: logits.sub_(logits.logsumexp(1, keepdim=True)).exp_(), "input in place"),
        ("03.2", lambda n, size: (part for part in torch.randperm(n).split(size)), "a generator"),
        ("04.1", lambda model, batches: digitlab.evaluate(model, batches).loss, "calls dl.evaluate"),
        ("04.1", lambda model, batches: torch.zeros(3), "not a number"),
        ("04.2", lambda w, v, *_: (exercise("04.2").answer(w, v, *_)[0], 2 * v), "the new velocity: the"),
        ("05.1", lambda n, k, s=1, p=0: n + k + s, "expected 24, got 34 for the inputs 28, 5"),
        ("05.1", lambda n, k, s=1, p=0: (n + p * p - k) // s + 1, "padding is added at both ends"),
        ("05.3", torch.zeros(3, 3), "may find edges"),
        ("06.1", [*exercise("06.1").answer[:4], 320, 50, 10], "with a comma"),
        ("06.4", edited("06.4", "self.conv1(images)", "nn.Conv2d(1, 10, 5)(images)"), "never calls self.conv1"),
        ("07.1", lambda n_correct, n: torch.linspace(0.1, 0.2, 30), "got a list of 30"),
        ("09.3", lambda readings, label: "Model", "in small letters"),
        ("09.3", lambda readings, label: "label" if readings[1:] == [9, 9, 4] else "model", "more than half read 5"),
        ("10.4", lambda one, other: scipy.stats.spearmanr(one.flatten(), other.flatten())[0], "calls spearmanr"),
        ("12.2", {"A": "steps", "B": "fair", "C": "steps", "D": "fair", "E": "machine"}, "A is not 'steps'"),
        ("13.2", lambda ink: box_as_a_tensor(ink) + 1, "each value is too large by 1"),
        ("15.2", lambda maps: exercise("15.2").answer(maps)[None], "the shape is (1, 2, 3, 4)"),
        ("15.4", lambda weights: weights.astype(np.int8), "return two things"),
        ("15.4", lambda weights: (weights, 1.0), "dtype float32"),
        ("16.3", lambda n, rank, n_workers: torch.arange(n) % n_workers == rank, "not a true or false"),
        ("16.3", lambda n, rank, n_workers: torch.arange(n).chunk(n_workers)[rank], "No two shares"),
        # What the task rules out, however it is called.
        ("05.2", lambda *inputs: nn.functional.conv2d(*inputs), "PyTorch's conv2d"),
        ("05.4", lambda maps, size: nn.MaxPool2d(size)(maps), "PyTorch's max_pool2d"),
        ("02.1", lambda logits: nn.Softmax(1)(logits), "PyTorch's softmax"),
        ("02.2", lambda *inputs: nn.functional.cross_entropy(*inputs), "cross_entropy"),
        ("02.2", lambda logits, labels: nn.NLLLoss()(logits.log_softmax(1), labels), "nll_loss"),
        ("02.3", gradient_by_a_helper, "formula"),
        ("15.1", lambda maps, kernels, bias: torch.from_numpy(maps).relu().numpy(), "NumPy's arrays"),
        ("00.1", torch.arange(3), "Hand over the function itself"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_told_why(number: str, answer: Any, words: str) -> None:
    verdict = exercise(number).check(answer)
    assert verdict.status == "incorrect" and words in verdict.message, verdict


@pytest.mark.parametrize(("number", "said"), [("02.9", r"'02.9'; did you mean 02\."), ("seven", "'seven'")])
def test_unknown_numbers_are_answered_with_near_ones(number: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"no exercise {said}"):
        exercise(number)


@pytest.mark.parametrize("lesson", [path.stem[:2] for path in LESSONS])
def test_the_lesson_has_each_starter_and_its_check(lesson: str) -> None:
    cells = [cell for cell in cells_of(lesson) if cell["cell_type"] == "code"]
    sources = [(cell["metadata"].get("exercise"), "".join(cell["source"])) for cell in cells]
    ours = [each for each in EXERCISES if each.number[:2] == lesson]
    assert [pair for pair in sources if pair[0]] == [(each.number, each.starter) for each in ours]
    for each in ours:
        assert any(f'exercise("{each.number}").check({each.name}' in source for _, source in sources)
