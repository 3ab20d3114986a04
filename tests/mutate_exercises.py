"""Changes one token or line of each exercise's reference: is the changed one refused?

    python tests/mutate_exercises.py            # all exercises; "python tests/mutate_exercises.py 05.2 07" for some

A mutant that is accepted is printed, unless `SAME` says why it computes the same. Exit status 1 if one is printed.
"""

# ruff: noqa: E501 (a mutant is a line of its own)

from __future__ import annotations

import ast
import contextlib
import copy
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from digitlab.exercises import Exercise, list_exercises
from digitlab.exercises.checking import outcome_of, same
from digitlab.exercises.surroundings import quiet_surroundings

SECONDS = 5.0
# Accepted, and rightly: the exercise's number, the changed lines, and why they compute the same.
SAME: dict[str, dict[str, str]] = {
    "00.3": {
        "return round(sum((parameter.numel() for parameter in model.parameters())), 2)": "a whole number",
    },
    "01.1": {
        "return [(labels == digit).sum() for digit in range(10)]": "a list is as good as a tensor",
    },
    "01.2": {
        "return tuple((int.from_bytes(data[start:start + 4]) for start in starts))": "big is Python's default",
    },
    "01.4": {
        "pixels = images / 255": "PyTorch's / makes float32 of whole numbers",
    },
    "01.5": {
        "for digit in range(10 + 1):": "there is no digit 10",
        "for digit in range(11):": "there is no digit 10",
        "members = (labels == digit).nonzero()": "positions in a column mark the same digits",
        "mask[shuffled[:int(share * len(shuffled))]] = True": "shuffling keeps the number",
    },
    "02.2": {
        "of_the_label = log_probabilities[torch.arange(len(log_probabilities)), labels]": "one row for each label",
        "of_the_label = log_probabilities[torch.arange(len(logits)), labels]": "one row for each label",
    },
    "02.3": {
        "return (logits.softmax(dim=1) - wanted) / len(logits)": "one row for each label",
        "return (logits.softmax(dim=1) - wanted) / len(wanted)": "one row for each label",
    },
    "03.3": {
        "loss = F.cross_entropy(model(images), labels), now behind for images, labels in batches:, depth 2": "zero_grad is still before backward",
        "model.train()": "done twice is done once",
        "model.zero_grad()": "done twice is done once",
    },
    "04.1": {
        "total, n = (0.0, 0), now behind was_training = model.training, depth 1": "eval() touches neither",
        "model.train(was_training), now behind n += len(labels), depth 2": "it is still behind the loop",
        "total, n = (0, 0.0)": "0 and 0.0 are the same number",
        "n += len(labels), now behind for images, labels in batches:, depth 3": "neither line uses what the other changes",
        "total += F.cross_entropy(model(images), labels).item() * len(images)": "one row for each label",
        "n += len(images)": "one row for each label",
        "model.eval()": "done twice is done once",
        "model.train(was_training)": "done twice is done once",
    },
    "05.1": {
        "return round((size + 2 * padding - kernel) // stride + 1, 2)": "a whole number",
    },
    "05.2": {
        "output = torch.ones(len(images), len(weight), height, width)": "each number is written over",
        "output = torch.zeros(len(images), len(bias), height, width)": "one bias for each kernel",
    },
    "05.3": {
        "[[0.0, 0.0, 0.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]": "it, too, answers to upper edges only",
        "[[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]": "it, too, answers to upper edges only",
    },
    "05.4": {
        "return blocks.amax(dim=(5, 3))": "a set of dimensions",
    },
    "05.5": {
        "return weights + out_channels": "biases = out_channels",
        "return round(weights + biases, 2)": "a whole number",
    },
    "06.2": {
        "conv1 = 10 / 1 * 5 * 5 + 10": "a factor of 1",
        "conv1 = 10 * 5 * 5 + 10": "a factor of 1",
    },
    "06.4": {
        "self.conv2_drop = nn.Dropout2d()": "0.5 is the default",
        "super().__init__()": "done twice is done once",
    },
    "06.5": {
        "return 0 if n_dimensions in (3, 1) else 1": "`in` asks for no order",
        "return round(0 if n_dimensions in (1, 3) else 1, 2)": "a whole number",
    },
    "07.2": {
        "return round(math.ceil(p * (1 - p) * (1.96 / half_width) ** 2), 2)": "a whole number",
    },
    "07.3": {
        "only_a = (right_a & ~right_b).sum()": "a tensor with one whole number",
        "only_b = (right_b & ~right_a).sum()": "a tensor with one whole number",
    },
    "08.2": {
        "for i in range(10 + 1):": "no confidence is above 1",
        "for i in range(11):": "no confidence is above 1",
        "gap = right[inside].mean() - confidences[inside].mean()": "its absolute value is taken",
    },
    "09.1": {
        "losses = -probabilities[torch.arange(len(labels)), labels]": "the same order as by the loss",
        "losses = -probabilities[torch.arange(len(labels)), labels].exp()": "the same order as by the loss",
        "losses = -probabilities[torch.arange(len(labels)), labels].log2()": "the same order as by the loss",
        "losses = -probabilities[torch.arange(len(labels)), labels].log10()": "the same order as by the loss",
        "losses = -probabilities[torch.arange(len(probabilities)), labels].log()": "one row for each label",
    },
    "09.2": {
        "best, second = probabilities.topk(2).values.unbind(dim=1)": "the last dimension is the default",
    },
    "09.3": {
        "for digit in range(10 + 1):": "nobody reads a 10",
        "for digit in range(11):": "nobody reads a 10",
        "if readings.count(digit) > len(readings) // 2:": "a count above 2.5 is one above 2",
    },
    "09.5": {
        "losses = torch.ones(len(digits))": "each number is written over",
        "losses = torch.zeros(len(folds))": "one fold for each digit",
        "for fold in folds:": "a fold done again gives the same",
        "for fold in as_at_first(folds.unique()):": "there are always five folds",
        "for fold in as_at_first(folds).unique():": "there are always five folds",
    },
    "10.1": {
        "caught = [], now behind caught.append(output.detach()), depth 1": "keep runs later",
        "caught.append(output)": "the same numbers, with their history",
        "return caught[-1]": "one is caught",
        "model(images)": "caught again, and the first one is returned",
        "handle.remove()": "done twice is done once",
        "caught.append(output.detach())": "caught again, and the first one is returned",
        "caught.append(output.detach_())": "the model's output loses its history, not its numbers",
    },
    "10.2": {
        "images = images.requires_grad_()": "the same numbers; only marks the images",
        "of_the_targets = logits[torch.arange(len(logits)), targets]": "one target for each image",
        "of_the_targets = logits[torch.arange(len(targets)), targets]": "one target for each image",
        "return gradient[:, -1].abs()": "there is one channel",
    },
    "10.3": {
        "return falls, now behind falls[row, column] = before - model(wiped)[0, target], depth 2": "it is still behind the loops",
        "for row in range(n):, now behind before = model(image)[0, target], depth 1": "the same numbers, with their history",
        "if True:": "the same numbers, with their history",
        "falls = torch.ones(n, n)": "each number is written over",
        "before = model(image)[-1, target]": "there is one image",
        "falls[row, column] = before - model(wiped)[-1, target]": "there is one image",
        "wiped[:, :, top:top + size, left:left + size] = wiped.min()": "still a copy of the image",
        "wiped[:, :, top:top + size, left:left + size] = as_at_first(image.min())": "paper is paper",
        "wiped[:, :, top:top + size, left:left + size] = as_at_first(image).min()": "paper is paper",
    },
    "10.4": {
        "return torch.sign(values[:, None] - values).mean(dim=1)": "a factor, which the cosine leaves out",
        "return torch.sign(values - values[:, None]).sum(dim=1)": "both scores change their sign",
        "return torch.sign(values[:, None] - values).sum(dim=0)": "both scores change their sign",
        "return F.cosine_similarity(scores(other), scores(one), dim=0)": "symmetric",
        "return F.cosine_similarity(scores(one), scores(other), dim=-1)": "there is one dimension",
        "return -torch.sign(values[:, None] - values).sum(dim=1)": "both scores change their sign",
    },
    "10.5": {
        "image = image.requires_grad_()": "the same numbers; only marks the image",
        "logits = model(image)[-1]": "there is one image",
        "return image + step * direction": "the same numbers, with their history",
    },
    "11.1": {
        "for epoch in list(range(len(val_losses)))[1:]:": "the first epoch starts as the best",
        "if epoch - best == patience:": "it grows by one, so it stops there",
        "return round(best + 1, 2)": "a whole number",
    },
    "11.2": {
        "return [[1, 0, -right * pixel], [0, 1, -down * pixel]]": "a list is as good as a tensor",
    },
    "11.4": {
        "kept = torch.rand(numbers.shape) > p": "a lot of exactly p: once in 16 million",
        "kept = torch.rand(numbers.shape) >= p, now behind def dropout(numbers: Tensor, p: float, training: bool) -> Tensor:, depth 1": "drawn in vain if not in training",
    },
    "12.1": {
        "pixels = images[chosen][:, None] / 255": "PyTorch's / makes float32 of whole numbers",
    },
    "12.2": {
        "{'A': 'repeats', 'B': 'repeats', 'C': 'steps', 'D': 'fair', 'E': 'machine'}": "arguable: A ran once, too",
        "{'A': 'data', 'B': 'repeats', 'C': 'repeats', 'D': 'fair', 'E': 'machine'}": "arguable: C ran once, too",
    },
    "12.4": {
        "start, end = (peak / 25, peak // 25 / 10000)": "off by less than 0.0001, which counts as equal",
        "start, end = (peak / 25, peak / 25 / 10001)": "off by a ten-thousandth, which counts as equal",
        "start, end = (peak / 25, peak / 25 / 9999)": "off by a ten-thousandth, which counts as equal",
        "if step < turn:": "both parts give the peak at the turn",
        "a, b, done = (peak, end, (turn - step) / (last - turn))": "cos(-x) = cos(x)",
        "a, b, done = (peak, end, (step - turn) / (turn - last))": "cos(-x) = cos(x)",
    },
    "13.1": {
        "distance = (paper - grey).abs()": "|-x| = |x|",
    },
    "13.2": {
        "rows = ink.amax(dim=1).nonzero()": "positions in a column",
        "columns = ink.amax(dim=0).nonzero()": "positions in a column",
        "return (rows[0], int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)": "a tensor with one whole number",
        "return (int(rows[0]), columns[0], int(rows[-1]) + 1, int(columns[-1]) + 1)": "a tensor with one whole number",
        "return (int(rows[0]), int(columns[0]), rows[-1] + 1, int(columns[-1]) + 1)": "a tensor with one whole number",
        "return (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, columns[-1] + 1)": "a tensor with one whole number",
    },
    "13.4": {
        "return (float((ink.sum(dim=1) * rows).sum() / total), float((ink * columns).sum() / total))": "each column's ink, added up later",
        "return (float((ink.sum(dim=1) * rows).sum() / total), float((ink.sum(dim=0, keepdim=True) * columns).sum() / total))": "one row of columns is added up all the same",
    },
    "14.1": {
        "return loss.item() - math.log(10), now behind loss = F.cross_entropy(model(images), labels), depth 2": "the number is the same",
        "if True:": "the same number; item() drops the history",
    },
    "14.4": {
        "optimizer.zero_grad(), now behind for _ in range(50):, depth 2": "still before backward",
        "losses.append(loss.item()), now behind loss.backward(), depth 2": "the step changes no loss that is computed",
        "model.zero_grad()": "the optimiser holds all parameters",
        "optimizer.zero_grad()": "done twice is done once",
    },
    "15.2": {
        "return np.maximum(blocks.max(axis=(4, 2)), 0)": "a set of axes",
    },
    "15.3": {
        "largest = np.abs(theirs - ours).max()": "|-x| = |x|",
    },
    "16.2": {
        "return [torch.stack([gradient * count / n for gradient, count in zip(counts, tensors, strict=True)]).sum(dim=0) for tensors in zip(*gradients, strict=True)]": "the names are exchanged, and so are the factors",
    },
}  # fmt: skip

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add, ast.Div), ast.Mult: (ast.Div, ast.Add), ast.Pow: (ast.Mult,),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Sub), ast.FloorDiv: (ast.Mult, ast.Div), ast.Mod: (ast.Mult, ast.FloorDiv),
    ast.MatMult: (ast.Mult,), ast.BitAnd: (ast.BitOr, ast.BitXor), ast.BitOr: (ast.BitAnd,), ast.And: (ast.Or,),
    ast.Or: (ast.And,), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE, ast.Eq), ast.Eq: (ast.NotEq, ast.GtE, ast.LtE), ast.NotEq: (ast.Eq, ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
NAMES = {
    "max": "min sum", "min": "max sum", "argmax": "argmin max", "argmin": "argmax", "sum": "mean max prod", "amax": "amin",
    "mean": "sum median", "median": "mean max min", "ceil": "floor", "floor": "ceil", "any": "all", "all": "any",
    "exp": "log", "log": "exp log2 log10", "clamp": "abs", "round": "floor ceil", "double": "float", "abs": "square",
    "softmax": "log_softmax sigmoid", "rand": "randn", "zeros": "ones", "cos": "sin", "sin": "cos", "radians": "degrees",
    "sqrt": "square", "sign": "abs", "train": "eval", "eval": "train", "values": "indices", "norm": "sum max",
    "cross_entropy": "nll_loss mse_loss", "max_pool2d": "avg_pool2d", "relu": "abs sigmoid", "logsumexp": "sum",
    "Dropout2d": "Dropout", "squeeze": "unsqueeze", "maximum": "minimum", "parameters": "buffers children",
    "big": "little", "SGD": "Adam", "argsort": "sort", "topk": "sort",
}  # fmt: skip
IN_PLACE = {ast.Add: "__iadd__", ast.Sub: "__isub__", ast.Mult: "__imul__", ast.Div: "__itruediv__"}
FORM = ("item", "tolist", "float", "bool", "list", "tuple")  # without them it is the same, in another form


def copied(node: Any, **fields: Any) -> Any:
    """The node with some of its fields changed."""
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def near(value: ast.expr) -> Iterator[ast.expr]:
    """One more and one less."""
    yield ast.BinOp(value, ast.Add(), ast.Constant(1))
    yield ast.BinOp(value, ast.Sub(), ast.Constant(1))


def without_one_or_swapped(items: list[Any]) -> Iterator[list[Any]]:
    for i in range(len(items)):
        yield items[:i] + items[i + 1 :]
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def changes(node: ast.AST, names: set[str], inputs: set[str]) -> Iterator[ast.AST]:
    """Other nodes that could stand there; `names` are the function's variables, its `inputs` among them."""
    for other in OPERATORS.get(type(getattr(node, "op", None)), ()):
        yield copied(node, op=other())
    is_read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    if is_read and isinstance(node, ast.Name | ast.Call | ast.Subscript) and names_in(node) & inputs:
        yield ast.Call(ast.Name("as_at_first", ast.Load()), [node], [])  # the first case's, written in
    match node:
        case ast.BinOp():
            yield from (node.left, node.right)
            if not isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
                yield copied(node, left=node.right, right=node.left)
            if type(node.op) in IN_PLACE and getattr(node.left, "id", "") in inputs:
                yield ast.Call(
                    ast.Attribute(node.left, IN_PLACE[type(node.op)], ast.Load()), [node.right], []
                )
        case ast.BoolOp():
            yield from node.values
        case ast.Compare():
            for other in OPERATORS.get(type(node.ops[0]), ()):
                yield copied(node, ops=[other(), *node.ops[1:]])
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield from (
                ast.Constant(other) for other in (node.value + 1, node.value - 1, node.value // 2 or 2)
            )
        case ast.Constant(value=float()):
            yield from (
                ast.Constant(other) for other in (node.value + 1, node.value / 2 or 2.0, node.value * 1.05)
            )
        case ast.Constant(value=str()) if node.value in NAMES:
            yield from (ast.Constant(other) for other in NAMES[node.value].split())
        case ast.Attribute():
            yield from (copied(node, attr=other) for other in NAMES.get(node.attr, "").split())
        case ast.Name(ctx=ast.Load()):
            others = names if node.id in names else NAMES.get(node.id, "").split()
            yield from (copied(node, id=other) for other in sorted(others))
        case ast.Call():
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if isinstance(node.func, ast.Attribute) and called not in FORM[:2]:
                yield node.func.value  # x.abs() becomes x
                if getattr(node.func.value, "id", "") in inputs:
                    yield copied(node, func=copied(node.func, attr=f"{called}_"))  # x.abs_() changes an input
            if not (isinstance(node.func, ast.Name) and called in FORM):
                yield from node.args  # relu(x) becomes x
            if called not in ("min", "max", "minimum", "maximum"):  # their order is all the same
                yield from (copied(node, args=args) for args in without_one_or_swapped(node.args))
            if called == "range":
                for i, each in enumerate(node.args):
                    yield from (
                        copied(node, args=[*node.args[:i], other, *node.args[i + 1 :]])
                        for other in near(each)
                    )
            if {each.arg for each in node.keywords} in ({"dim"}, {"axis"}):
                keep = ast.keyword(f"keepdim{'s' * (node.keywords[0].arg == 'axis')}", ast.Constant(True))
                yield copied(node, keywords=[*node.keywords, keep])
            for i, each in enumerate(node.keywords):
                if each.arg != "strict":
                    yield copied(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()):
            yield from (copied(node, elts=elts) for elts in without_one_or_swapped(node.elts))
        case ast.Subscript(ctx=ast.Load()):
            yield node.value
        case ast.Slice():
            for name in ("lower", "upper", "step"):
                if bound := getattr(node, name):
                    yield from (copied(node, **{name: other}) for other in (None, *near(bound)))
        case ast.comprehension():
            yield from (copied(node, iter=other) for other in shorter(node.iter))
            for i, each in enumerate(node.ifs):
                for other in (ast.Constant(True), ast.UnaryOp(ast.Not(), each)):
                    yield copied(node, ifs=[*node.ifs[:i], other, *node.ifs[i + 1 :]])
        case ast.Expr() if is_text(node):
            pass
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Break() | ast.Continue():
            yield ast.Pass()
        case ast.Return(value=ast.expr()):
            for text in ("-_", "round(_, 2)"):
                yield copied(node, value=around(node.value, text))
        case ast.With():
            yield ast.If(ast.Constant(True), node.body, [])
        case ast.If() | ast.IfExp():
            for test in (ast.Constant(True), ast.Constant(False), ast.UnaryOp(ast.Not(), node.test)):
                yield copied(node, test=test)
        case ast.For():
            yield from (copied(node, iter=other) for other in shorter(node.iter))
    if isinstance(node, ast.FunctionDef | ast.For | ast.With | ast.If):
        yield from (copied(node, body=body) for body in rearranged(node.body))


def around(value: ast.expr, text: str) -> ast.expr:
    """The expression in the text, in the place of the `_`."""
    tree = ast.parse(text, mode="eval")
    (place,) = (n for n, node in enumerate(ordered(tree)) if isinstance(node, ast.Name) and node.id == "_")
    return Put(place, value).visit(tree).body


def shorter(items: ast.expr) -> Iterator[ast.expr]:
    """All but the first, and all but the last."""
    yield from (around(items, text) for text in ("list(_)[1:]", "list(_)[:-1]"))


def rearranged(body: list[Any]) -> Iterator[list[Any]]:
    """Two neighbours exchanged; a statement twice, or drawn into the block before it; a block's last one put behind it."""
    for i, one in enumerate(body):
        if isinstance(one, ast.Expr | ast.AugAssign) and not is_text(one):
            yield [*body[:i], one, *body[i:]]
        is_block = isinstance(one, ast.For | ast.With | ast.If)
        if i + 1 < len(body):
            two = body[i + 1]
            if touch(one, two) and not is_text(one):
                yield [*body[:i], two, one, *body[i + 2 :]]
            if is_block:
                yield [*body[:i], copied(one, body=[*one.body, two]), *body[i + 2 :]]
        if is_block and len(one.body) > 1:
            yield [*body[:i], copied(one, body=one.body[:-1]), one.body[-1], *body[i + 1 :]]


def is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def names_in(node: ast.AST, kind: type = ast.Load) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, kind)}


def touch(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether the order of two statements can matter: one is no assignment, or uses what the other assigns."""
    if not all(isinstance(each, ast.Assign | ast.AnnAssign) for each in (one, two)):
        return True
    assigned = names_in(one, ast.Store), names_in(two, ast.Store)
    return bool(assigned[0] & (names_in(two) | assigned[1]) or assigned[1] & names_in(one))


class Put(ast.NodeTransformer):
    """Puts a node in the place of the one with this number."""

    def __init__(self, number: int, new: ast.AST) -> None:
        self.number, self.new, self.seen = number, new, -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.seen += 1
        if self.seen == self.number:
            self.number = -2
            return ast.copy_location(self.new, node)
        return self.generic_visit(node)


def ordered(node: ast.AST) -> list[ast.AST]:
    """The node and all that is in it, in the order in which `Put` counts."""
    return [node, *(each for child in ast.iter_child_nodes(node) for each in ordered(child))]


def mutants(source: str) -> list[str]:
    """The source with one thing changed, each once."""
    tree = ast.parse(source)
    numbered = ordered(tree)
    functions = [each for each in numbered if isinstance(each, ast.FunctionDef)]
    parts = [part for each in functions for part in (*each.body, *each.args.defaults)]
    form = {id(each.value) for each in numbered if isinstance(each, ast.keyword) and each.arg == "strict"}
    form |= {id(each) for one in numbered for name in ("annotation", "returns") if getattr(one, name, None)
             for each in ast.walk(getattr(one, name))}  # fmt: skip
    inside = {id(each) for part in parts for each in ast.walk(part)} - form | {id(each) for each in functions}
    inputs = {each.arg for each in numbered if isinstance(each, ast.arg)} - {"self"}
    names = inputs | {
        each.id for each in numbered if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    found = {
        ast.unparse(ast.fix_missing_locations(Put(number, new).visit(copy.deepcopy(tree)))): None
        for number, node in enumerate(numbered) if id(node) in inside for new in changes(node, names, inputs)
    }  # fmt: skip
    in_vain = re.compile(r"^ *as_at_first\(", re.MULTILINE)  # a statement's value goes nowhere
    return [each for each in found if each != ast.unparse(tree) and not in_vain.search(each)]


def changed_lines(mutant: str, plain: str) -> str:
    """The lines that are new in it, or what is gone, or what now stands where."""
    old, new = plain.splitlines(), mutant.splitlines()
    parts = [each for each in difflib.SequenceMatcher(None, old, new).get_opcodes() if each[0] != "equal"]
    gone = [line.strip() for _, i, j, _, _ in parts for line in old[i:j]]
    numbers = [n for _, _, _, i, j in parts for n in range(i, j)]
    there = " / ".join(new[n].strip() for n in numbers)
    if there in ("", "pass"):
        return "without " + " / ".join(gone)
    if there == " / ".join(gone):
        depth = (len(new[numbers[0]]) - len(new[numbers[0]].lstrip())) // 4
        return f"{gone[0]}, now behind {new[numbers[0] - 1].strip()}, depth {depth}"
    return there


def other_values(value: Any, words: list[str]) -> Iterator[Any]:
    """The value with one part changed, left out or exchanged with its neighbour."""
    if isinstance(value, Tensor):
        yield from other_values(value.tolist(), words)
    elif isinstance(value, dict):
        yield from ({**value, key: other} for key in value for other in other_values(value[key], words))
    elif isinstance(value, list | tuple):
        yield from (type(value)(other) for other in without_one_or_swapped(list(value)))
        for i, part in enumerate(value):
            yield from (
                type(value)([*value[:i], other, *value[i + 1 :]]) for other in other_values(part, words)
            )
    else:
        yield from (
            [word for word in words if word != value] if isinstance(value, str) else (value + 1, value - 1)
        )


def changed_answers(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """Answers that differ from the reference in one thing, each with its changed lines."""
    if not callable(exercise.answer):
        plain = str(exercise.answer.tolist() if isinstance(exercise.answer, Tensor) else exercise.answer)
        words = sorted(set(exercise.answer.values())) if isinstance(exercise.answer, dict) else []
        yield from (
            (str(other), other) for other in other_values(exercise.answer, words) if str(other) != plain
        )
        return
    source = textwrap.dedent(inspect.getsource(exercise.answer))
    for mutant in mutants(source):
        own = dict(vars(sys.modules[exercise.answer.__module__]))
        if len(exercise.cases()) > 1:
            own["as_at_first"] = lambda value, seen=[]: seen.append(value) or seen[0]
        with contextlib.suppress(SyntaxError):  # a `break` outside a loop, say
            exec(compile("from __future__ import annotations\n" + mutant, "<mutant>", "exec"), own)
            yield changed_lines(mutant, ast.unparse(ast.parse(source))), own[exercise.answer.__name__]


def main(numbers: list[str]) -> int:
    """Print the mutants that are accepted; the exit status."""
    n_mutants, found, n_stale = 0, 0, 0
    for exercise in list_exercises():
        if numbers and not any(exercise.number.startswith(number) for number in numbers):
            continue
        rightly = dict(SAME.get(exercise.number, {}))
        with quiet_surroundings():
            cases = exercise.cases()
            expected: Any = outcome_of(exercise.answer, cases, exercise.observe)
        for lines, answer in changed_answers(exercise):
            n_mutants += 1
            with quiet_surroundings():
                try:
                    passes = same(outcome_of(answer, cases, exercise.observe, SECONDS), expected)
                except Exception:
                    passes = False
            if passes and lines not in SAME.get(exercise.number, {}):
                found += 1
                print(f"{exercise.number} accepts: {lines}", flush=True)
            elif passes:
                rightly.pop(lines, None)
        n_stale += len(rightly)
        for lines in rightly:
            print(f"{exercise.number}: SAME names a mutant that is refused, or is none: {lines}", flush=True)
    print(f"{n_mutants} mutants, {found} accepted")
    return 1 if found or n_stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
