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
# Accepted, and rightly: the exercise's number and the changed lines, and why they compute the same.
SAME: dict[str, str] = {
    "01.2 return tuple((int.from_bytes(data[start:start + 4]) for start in starts))": "big is Python's default",
    "01.5 members = (labels == digit).nonzero()": "positions in a column mark the same digits",
    "01.5 mask[shuffled[:int(share * len(shuffled))]] = True": "shuffling keeps the number",
    "03.3 loss = F.cross_entropy(model(images), labels), now behind for images, labels in batches:, depth 2": "zero_grad is still before backward",
    "04.1 total, n = (0, 0.0)": "0 and 0.0 are the same number",
    "04.1 n += len(labels), now behind for images, labels in batches:, depth 3": "neither line uses what the other changes",
    "04.1 total, n = (0.0, 0), now behind was_training = model.training, depth 1": "eval() touches neither",
    "04.1 model.train(was_training), now behind n += len(labels), depth 2": "it is still behind the loop",
    "05.2 output = torch.zeros(len(images), len(bias), height, width)": "one bias for each kernel",
    "05.3 return [[0.0, 0.0, 0.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]": "it, too, answers to upper edges only",
    "05.3 return [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]": "it, too, answers to upper edges only",
    "05.4 return blocks.amax(dim=(5, 3))": "a set of dimensions",
    "05.5 return weights + out_channels": "biases = out_channels",
    "06.2 conv1 = 10 / 1 * 5 * 5 + 10": "a factor of 1",
    "06.2 conv1 = 10 * 5 * 5 + 10": "a factor of 1",
    "06.4 self.conv2_drop = nn.Dropout2d()": "0.5 is the default",
    "06.5 return 0 if n_dimensions in (3, 1) else 1": "`in` asks for no order",
    "08.2 gap = right[inside].mean() - confidences[inside].mean()": "its absolute value is taken",
    "09.1 losses = -probabilities[torch.arange(len(labels)), labels].exp()": "the same order as by the loss",
    "09.1 losses = -probabilities[torch.arange(len(labels)), labels]": "the same order as by the loss",
    "09.2 best, second = probabilities.topk(2).values.unbind(dim=1)": "the last dimension is the default",
    "09.3 if readings.count(digit) > len(readings) // 2:": "a count above 2.5 is one above 2",
    "09.5 for fold in as_at_first(folds).unique():": "there are always five folds",
    "09.5 for fold in as_at_first(folds.unique()):": "there are always five folds",
    "09.5 for fold in folds:": "a fold done again gives the same",
    "10.1 caught.append(output)": "the same numbers, with their history",
    "10.1 caught.append(output.detach_())": "the model's output loses its history, not its numbers",
    "10.1 caught = [], now behind caught.append(output.detach()), depth 1": "keep runs later",
    "10.2 images = images.requires_grad_()": "the same numbers; only marks the images",
    "10.3 wiped[:, :, top:top + size, left:left + size] = as_at_first(image).min()": "paper is paper",
    "10.3 wiped[:, :, top:top + size, left:left + size] = wiped.min()": "still a copy of the image",
    "10.3 wiped[:, :, top:top + size, left:left + size] = as_at_first(image.min())": "paper is paper",
    "10.3 if True:": "the same numbers, with their history",
    "10.3 return falls, now behind falls[row, column] = before - model(wiped)[0, target], depth 2": "it is still behind the loops",
    "10.3 for row in range(n):, now behind before = model(image)[0, target], depth 1": "the same numbers, with their history",
    "10.4 return torch.sign(values - values[:, None]).sum(dim=1)": "both scores change their sign",
    "10.4 return torch.sign(values[:, None] - values).mean(dim=1)": "a factor, which the cosine leaves out",
    "10.4 return torch.sign(values[:, None] - values).sum(dim=0)": "both scores change their sign",
    "10.4 return -torch.sign(values[:, None] - values).sum(dim=1)": "both scores change their sign",
    "10.4 return F.cosine_similarity(scores(other), scores(one), dim=0)": "symmetric",
    "10.5 image = image.requires_grad_()": "the same numbers; only marks the image",
    "10.5 return image + step * direction": "the same numbers, with their history",
    "11.1 if epoch - best == patience:": "it grows by one, so it stops there",
    "11.1 for epoch in list(range(len(val_losses)))[1:]:": "the first epoch starts as the best",
    "11.4 kept = torch.rand(numbers.shape) > p": "a lot of exactly p: once in 16 million",
    "11.4 kept = torch.rand(numbers.shape) >= p, now behind def dropout(numbers: Tensor, p: float, training: bool) -> Tensor:, depth 1": "drawn in vain if not in training",
    "12.4 start, end = (peak / 25, peak // 25 / 10000)": "off by less than 0.0001, which counts as equal",
    "12.4 start, end = (peak / 25, peak / 25 / 10001)": "off by a ten-thousandth, which counts as equal",
    "12.4 start, end = (peak / 25, peak / 25 / 9999)": "off by a ten-thousandth, which counts as equal",
    "12.4 if step < turn:": "both parts give the peak at the turn",
    "12.4 a, b, done = (peak, end, (turn - step) / (last - turn))": "cos(-x) = cos(x)",
    "12.4 a, b, done = (peak, end, (step - turn) / (turn - last))": "cos(-x) = cos(x)",
    "13.1 distance = (paper - grey).abs()": "|-x| = |x|",
    "13.2 rows = ink.amax(dim=1).nonzero()": "positions in a column",
    "13.2 columns = ink.amax(dim=0).nonzero()": "positions in a column",
    "13.4 return (float((ink.sum(dim=1) * rows).sum() / total), float((ink * columns).sum() / total))": "each column's ink, added up later",
    "14.1 if True:": "the same number; item() drops the history",
    "14.1 return loss.item() - math.log(10), now behind loss = F.cross_entropy(model(images), labels), depth 2": "the number is the same",
    "14.4 model.zero_grad()": "the optimiser holds all parameters",
    "14.4 optimizer.zero_grad(), now behind for _ in range(50):, depth 2": "still before backward",
    "14.4 losses.append(loss.item()), now behind loss.backward(), depth 2": "the step changes no loss that is computed",
    "15.2 return np.maximum(blocks.max(axis=(4, 2)), 0)": "a set of axes",
    "15.3 largest = np.abs(theirs - ours).max()": "|-x| = |x|",
    "16.2 return [torch.stack([gradient * count / n for gradient, count in zip(counts, tensors, strict=True)]).sum(dim=0) for tensors in zip(*gradients, strict=True)]": "the names are exchanged, and so are the factors",
}  # fmt: skip

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add, ast.Div), ast.Mult: (ast.Div, ast.Add), ast.Pow: (ast.Mult,),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Sub), ast.FloorDiv: (ast.Mult, ast.Div),
    ast.MatMult: (ast.Mult,), ast.BitAnd: (ast.BitOr, ast.BitXor), ast.BitOr: (ast.BitAnd,), ast.And: (ast.Or,),
    ast.Or: (ast.And,), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE, ast.Eq), ast.Eq: (ast.NotEq, ast.GtE, ast.LtE), ast.NotEq: (ast.Eq, ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
NAMES = {
    "max": "min sum", "min": "max sum", "argmax": "argmin max", "argmin": "argmax", "sum": "mean max prod", "amax": "amin",
    "mean": "sum median", "median": "mean max min", "ceil": "floor", "floor": "ceil", "any": "all", "all": "any",
    "exp": "log", "log": "exp", "clamp": "abs", "round": "floor ceil", "double": "float", "abs": "square",
    "softmax": "log_softmax sigmoid", "rand": "randn", "cos": "sin", "sin": "cos", "radians": "degrees",
    "sqrt": "square", "sign": "abs", "train": "eval", "eval": "train", "values": "indices", "norm": "sum max",
    "cross_entropy": "nll_loss mse_loss", "max_pool2d": "avg_pool2d", "relu": "abs sigmoid", "logsumexp": "sum",
    "Dropout2d": "Dropout", "squeeze": "unsqueeze", "maximum": "minimum", "parameters": "buffers children",
    "big": "little", "SGD": "Adam", "argsort": "sort", "topk": "sort",
}  # fmt: skip
IN_PLACE = {ast.Add: "__iadd__", ast.Sub: "__isub__", ast.Mult: "__imul__", ast.Div: "__itruediv__"}
# Without them it is the same, in another form.
FORM = ("item", "tolist", "int", "float", "bool", "list", "tuple", "stack", "tensor")
# What computes the same, as patterns, and how the references write it.
EQUAL = {
    r"len\((digits|folds|images|log_probabilities|logits|probabilities|targets|wanted)\)": "len(labels)",  # one row each
    r"range\((11|10 \+ 1)\)": "range(10)",  # there is no digit 10, and no share above 1
}


def copied(node: Any, **fields: Any) -> Any:
    """The node with some of its fields changed."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def written(text: str, value: ast.expr) -> ast.expr:
    """The expression in the text, with the value in the place of its `@`."""
    return ast.parse(text.replace("@", f"({ast.unparse(value)})"), mode="eval").body


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
        yield written("as_at_first(@)", node)  # the first case's, written in
    match node:
        case ast.BinOp():
            yield from (node.left, node.right)
            if not isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
                yield copied(node, left=node.right, right=node.left)
            if type(node.op) in IN_PLACE and getattr(node.left, "id", "") in inputs:
                yield written(f"{ast.unparse(node.left)}.{IN_PLACE[type(node.op)]}(@)", node.right)
        case ast.BoolOp():
            yield from node.values
        case ast.Compare():
            for other in OPERATORS.get(type(node.ops[0]), ()):
                yield copied(node, ops=[other(), *node.ops[1:]])
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() as n):
            yield from (ast.Constant(other) for other in (n + 1, abs(n - 1), n // 2 or 2))
        case ast.Constant(value=float() as x):
            yield from (ast.Constant(other) for other in (x + 1, x / 2 or 2.0, x * 1.05))
        case ast.Constant(value=str()) if node.value in NAMES:
            yield from (ast.Constant(other) for other in NAMES[node.value].split())
        case ast.Attribute():
            yield from (copied(node, attr=other) for other in NAMES.get(node.attr, "").split())
        case ast.Name(ctx=ast.Load()):
            others = names if node.id in names else NAMES.get(node.id, "").split()
            yield from (copied(node, id=other) for other in sorted(others))
        case ast.Call():
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if isinstance(node.func, ast.Attribute) and called not in FORM:
                yield node.func.value  # x.abs() becomes x
                if getattr(node.func.value, "id", "") in inputs:
                    yield copied(node, func=copied(node.func, attr=f"{called}_"))  # x.abs_() changes an input
            if called not in FORM:
                yield from node.args  # relu(x) becomes x
            if called not in ("min", "max", "minimum", "maximum"):  # their order is all the same
                yield from (copied(node, args=args) for args in without_one_or_swapped(node.args))
            if called == "range":
                for i, end in enumerate(node.args):
                    for text in ("@ + 1", "@ - 1"):
                        yield copied(node, args=[*node.args[:i], written(text, end), *node.args[i + 1 :]])
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
                    for new in (None, written("@ + 1", bound), written("@ - 1", bound)):
                        yield copied(node, **{name: new})
        case ast.comprehension():
            for i, test in enumerate(node.ifs):
                for new in (ast.Constant(True), ast.UnaryOp(ast.Not(), test)):
                    yield copied(node, ifs=[*node.ifs[:i], new, *node.ifs[i + 1 :]])
        case ast.Expr(value=ast.Constant()):
            pass
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Break() | ast.Continue():
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value):
            yield from (ast.Return(written(text, value)) for text in ("-@", "round(@, 2)"))
        case ast.With():
            yield ast.If(ast.Constant(True), node.body, [])
        case ast.If() | ast.IfExp():
            for test in (ast.Constant(True), ast.Constant(False), ast.UnaryOp(ast.Not(), node.test)):
                yield copied(node, test=test)
    if isinstance(node, ast.For | ast.comprehension):
        yield from (copied(node, iter=written(text, node.iter)) for text in ("list(@)[1:]", "list(@)[:-1]"))
    if isinstance(node, ast.FunctionDef | ast.For | ast.With | ast.If):
        yield from (copied(node, body=body) for body in rearranged(node.body))


def rearranged(body: list[Any]) -> Iterator[list[Any]]:
    """Two neighbours exchanged; a statement drawn into the block before it; a block's last one put behind it."""
    for i, one in enumerate(body):
        is_block = isinstance(one, ast.For | ast.With | ast.If)
        if i + 1 < len(body):
            two = body[i + 1]
            if touch(one, two):
                yield [*body[:i], two, one, *body[i + 2 :]]
            if is_block:
                yield [*body[:i], copied(one, body=[*one.body, two]), *body[i + 2 :]]
        if is_block and len(one.body) > 1:
            yield [*body[:i], copied(one, body=one.body[:-1]), one.body[-1], *body[i + 1 :]]


def names_in(node: ast.AST, kind: type = ast.Load) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, kind)}


def touch(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether the order of two statements can matter: one is no assignment, or uses what the other assigns."""
    if not all(isinstance(each, ast.Assign | ast.AnnAssign) for each in (one, two)):
        return not isinstance(getattr(one, "value", None), ast.Constant)  # a docstring
    assigned = names_in(one, ast.Store), names_in(two, ast.Store)
    return bool(assigned[0] & (names_in(two) | assigned[1]) or assigned[1] & names_in(one))


def altered(parent: ast.AST, names: set[str], inputs: set[str]) -> Iterator[None]:
    """Changes one thing in the tree at a time, and puts it back."""
    for field, value in ast.iter_fields(parent):
        nodes = value if isinstance(value, list) else [value]
        if field in ("annotation", "bases", "returns") or getattr(parent, "arg", "") == "strict":
            continue
        for i, node in enumerate(nodes):
            if isinstance(node, ast.AST):
                yield from altered(node, names, inputs)
                for new in changes(node, names, inputs):
                    setattr(parent, field, [*nodes[:i], new, *nodes[i + 1 :]] if nodes is value else new)
                    yield
                setattr(parent, field, value)


def mutants(source: str) -> Iterator[str]:
    """The source with one thing changed, each once, but not if its looks say that it computes the same."""
    tree = ast.parse(source)
    inputs = {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)} - {"self"}
    in_vain = r"(?m)^ *as_at_first\("  # a statement's value goes nowhere
    if "-> int" in source:
        in_vain += r"|return round\("
    seen = {plainly(ast.unparse(tree))}
    for _ in altered(tree, inputs | names_in(tree, ast.Store), inputs):
        mutant = ast.unparse(tree)
        if plainly(mutant) not in seen and not re.search(in_vain, mutant):
            seen.add(plainly(mutant))
            yield mutant


def plainly(source: str) -> str:
    for pattern, usual in EQUAL.items():
        source = re.sub(pattern, usual, source)
    return source


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


def changed_answers(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """Answers that differ from the reference in one thing, each with its changed lines."""
    answer = exercise.answer
    value = answer.tolist() if isinstance(answer, Tensor) else answer
    source = (
        textwrap.dedent(inspect.getsource(answer)) if callable(answer) else f"def answer(): return {value}"
    )
    for mutant in mutants(source):
        own = dict(vars(sys.modules[getattr(answer, "__module__", __name__)]))
        if len(exercise.cases()) > 1:
            own["as_at_first"] = lambda value, seen=[]: seen.append(value) or seen[0]
        with contextlib.suppress(
            SyntaxError, TypeError
        ):  # a `break` outside a loop, say, or a list's negative
            exec(compile("from __future__ import annotations\n" + mutant, "<mutant>", "exec"), own)
            changed = own[answer.__name__] if callable(answer) else own["answer"]()
            yield changed_lines(mutant, ast.unparse(ast.parse(source))), changed


def judged(exercise: Exercise) -> Iterator[tuple[str, bool]]:
    """The changed lines of each mutant with the exercise's number, and whether it is accepted."""
    with quiet_surroundings():
        cases = exercise.cases()
        expected: Any = outcome_of(exercise.answer, cases, exercise.observe)
    for lines, answer in changed_answers(exercise):
        is_same = False
        with quiet_surroundings(), contextlib.suppress(Exception):
            is_same = same(outcome_of(answer, cases, exercise.observe, SECONDS), expected)
        yield f"{exercise.number} {lines}", is_same


def main(numbers: tuple[str, ...]) -> int:
    """Print the mutants that are accepted; the exit status."""
    exercises = [each for each in list_exercises() if each.number.startswith(numbers)]
    verdicts = [verdict for each in exercises for verdict in judged(each)]
    accepted = {lines for lines, is_same in verdicts if is_same}
    listed = {lines for lines in SAME if lines.startswith(numbers)}
    for lines in sorted(accepted - listed):
        print("accepted:", lines)
    for lines in sorted(listed - accepted):
        print("SAME names what is refused, or is no mutant:", lines)
    print(f"{len(verdicts)} mutants, {len(accepted - listed)} accepted")
    return 1 if accepted != listed else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or ("",)))
