"""Exercises on the lesson pages: task, starter, check, hints and solution in one card, with a tick for "done".

The notebook holds them as cells, one after the other: prose that ends with the task, the starter, the check. What the
check says of an untouched starter is nothing to a reader and left out. ``javascripts/exercises.js`` keeps the ticks.
"""

from __future__ import annotations

import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

from digitlab.exercises import Exercise, exercise

# From the task's first words to the mark that the template of notebooks leaves behind the check.
PARTS = re.compile(
    r"^\*\*Exercise (?P<number>\d\d\.\d+)\*\*(?: \(.*?\))?[.:]?\s*(?P<task>.*?)"
    r'(?P<starter><div class="starter" markdown>.*?</div>)(?P<check>.*?)<!-- hints (?P=number) -->',
    flags=re.M | re.S,
)
NOT_ATTEMPTED = re.compile(
    r"^(`{7}) \{\.text \.output \.no-copy\}\nNot attempted: .*?\n\1\n", flags=re.M | re.S
)

CARD = """
<section class="exercise" aria-labelledby="exercise-{place}" markdown>
<div class="exercise-head">
<p id="exercise-{place}"><strong>Exercise {number}</strong> {title}</p>
<p>{minutes} minutes · {difficulty} {tick}</p>
</div>

{task}
<p class="exercise-part">Start here</p>

{starter}
<p class="exercise-part">Check</p>

{check}
<details class="hints" markdown>
<summary>Hints</summary>

{hints}

</details>
<details class="solution" markdown>
<summary>Solution</summary>

``` {{.python}}
{solution}
```

</details>
</section>
"""


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Put each exercise into its card; what an empty starter is told, here and in the clinic, is not for readers."""
    markdown = NOT_ATTEMPTED.sub("", markdown)
    return PARTS.sub(lambda found: _card(exercise(found["number"]), **found.groupdict()), markdown)


def _card(one: Exercise, number: str, task: str, starter: str, check: str) -> str:
    return CARD.format(
        place=number.replace(".", "-"),
        number=number,
        title=one.title,
        minutes=one.minutes,
        difficulty=one.difficulty,
        tick=tick(number),
        task=task,
        starter=starter,
        check=check,
        hints="\n".join(f"{i}. {_as_markdown(hint)}" for i, hint in enumerate(one.hints, start=1)),
        solution=str(one.solution()).rstrip(),
    )


def _as_markdown(hint: str) -> str:
    """A hint as it is printed, save that ``a*b*c`` is no emphasis on b."""
    code_or_times = r"`[^`]*`|(?<=\w)\*+(?=\w)"
    return re.sub(code_or_times, lambda m: m[0] if m[0][0] == "`" else m[0].replace("*", r"\*"), hint)


def tick(number: str) -> str:
    """A box to tick. It is hidden until a script is there that can remember it."""
    box = f'<input type="checkbox" data-exercise="{number}" aria-label="Done: exercise {number}">'
    return f'<label class="exercise-tick" hidden>{box} Done</label>'
