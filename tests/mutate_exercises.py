"""Changes one token or line of each exercise's reference: is the changed one refused?

    python tests/mutate_exercises.py            # all exercises; "python tests/mutate_exercises.py 05.2 07" for some

A mutant that is accepted is printed, unless `SAME` says why it computes the same. Exit status 1 if one is printed.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from digitlab.exercises import Exercise, list_exercises
from digitlab.exercises.checking import outcome_of, same
from digitlab.exercises.surroundings import quiet_surroundings

SECONDS = 5.0
# Accepted, and rightly: the exercise's number, the changed line, and why.
SAME: dict[tuple[str, str], str] = {}

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {
    "max": "min", "min": "max", "argmax": "argmin", "argmin": "argmax", "sum": "mean", "mean": "sum", "amax": "amin",
    "ceil": "floor", "floor": "ceil", "any": "all", "all": "any", "exp": "log", "log": "exp", "rows": "columns",
    "columns": "rows", "clamp": "abs", "round": "floor", "double": "float",
}  # fmt: skip

FORM = ("item", "clone", "detach", "tolist")  # without them the number is the same, in another form


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Other nodes that could stand there."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(new.op) in OPERATORS:
        new.op = OPERATORS[type(new.op)]()
        yield new
        if isinstance(node, ast.BinOp):
            yield from (node.left, node.right)
    elif isinstance(new, ast.Compare) and type(new.ops[0]) in OPERATORS:
        new.ops[0] = OPERATORS[type(new.ops[0])]()
        yield new
    elif isinstance(new, ast.UnaryOp):
        yield new.operand
    elif isinstance(new, ast.Constant) and isinstance(new.value, bool):
        yield ast.Constant(not new.value)
    elif isinstance(new, ast.Constant) and isinstance(new.value, int | float):
        yield from (ast.Constant(new.value + 1), ast.Constant(new.value / 2 if new.value else 2))
    elif isinstance(new, ast.Attribute) and new.attr in NAMES:
        new.attr = NAMES[new.attr]
        yield new
    elif isinstance(new, ast.Name) and new.id in NAMES and isinstance(new.ctx, ast.Load):
        new.id = NAMES[new.id]
        yield new
    elif isinstance(new, ast.Call):
        if isinstance(new.func, ast.Attribute) and not new.args and new.func.attr not in FORM:
            yield new.func.value  # x.abs() becomes x
        for i in [i for i, each in enumerate(new.keywords) if each.arg != "strict"]:
            less = copy.deepcopy(new)
            del less.keywords[i]
            yield less
    elif isinstance(new, ast.Expr | ast.Assign | ast.AugAssign) and not isinstance(
        getattr(new, "value", None), ast.Constant
    ):
        yield ast.Pass()
    elif isinstance(new, ast.If | ast.IfExp):
        for test in (True, False):
            other = copy.deepcopy(new)
            other.test = ast.Constant(test)
            yield other


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


def mutants(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    numbered = []

    def walk(node: ast.AST) -> None:
        numbered.append(node)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(tree)
    body = {
        id(each)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for each in function.body
    }
    inside = {id(each) for node in numbered if id(node) in body for each in ast.walk(node)}
    for number, node in enumerate(numbered):
        if id(node) in inside:
            for new in changes(node):
                yield ast.unparse(ast.fix_missing_locations(Put(number, new).visit(copy.deepcopy(tree))))


def accepted(exercise: Exercise) -> Iterator[str]:
    """The changed lines with which the reference still passes."""
    source = textwrap.dedent(inspect.getsource(exercise.answer))
    plain = ast.unparse(ast.parse(source)).splitlines()
    names = vars(sys.modules[exercise.answer.__module__])
    for mutant in mutants(source):
        own = dict(names)
        exec(compile("from __future__ import annotations\n" + mutant, "<mutant>", "exec"), own)
        with quiet_surroundings():
            cases = exercise.cases()
            expected: Any = outcome_of(exercise.answer, cases, exercise.observe)
            got = outcome_of(own[exercise.answer.__name__], cases, exercise.observe, SECONDS)
            try:
                passes = same(got, expected)
            except Exception:
                passes = False
        if passes:
            lines = [line.strip() for line in mutant.splitlines() if line not in plain]
            yield lines[0] if lines else "a line less"


def main(numbers: list[str]) -> int:
    """Print the mutants that are accepted; the exit status."""
    n_mutants, found = 0, []
    for exercise in list_exercises():
        chosen = not numbers or any(exercise.number.startswith(number) for number in numbers)
        if not chosen or not inspect.isfunction(exercise.answer):
            continue
        n_mutants += sum(1 for _ in mutants(textwrap.dedent(inspect.getsource(exercise.answer))))
        for line in accepted(exercise):
            if (exercise.number, line) not in SAME:
                found.append(line)
                print(f"{exercise.number} accepts: {line}", flush=True)
    print(f"{n_mutants} mutants, {len(found)} accepted")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
