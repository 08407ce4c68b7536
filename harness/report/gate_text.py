"""A gate's result for the terminal, for GitHub's annotations and for its job summary. Pure."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.gate.results import Exit, GateResult, Judged, Status
from harness.stats.decision import ChannelVerdict

SENTENCES = {
    Exit.PASS: "PASS",
    Exit.REGRESSION: "FAIL: a regression or a bug",
    Exit.CRASH: "CRASH",
    Exit.INCONCLUSIVE: "INCONCLUSIVE under --strict",
    Exit.NOTHING_MEASURED: "NOTHING MEASURED",
}
COLOURS = {"PASS": "green", "REGRESSION": "red", "DIFFERENT": "red", "CRASHED": "red", "INCONCLUSIVE": "yellow"}
LEVELS = {"REGRESSION": "error", "DIFFERENT": "error", "CRASHED": "error", "INCONCLUSIVE": "warning"}
HEADINGS = ("benchmark", "verdict", "CPU a task, head/base", "wall a task, head/base", "pairs", "seconds", "remark")


def sentence(result: GateResult, code: Exit) -> str:
    """The verdict in words: what is undecided is not called a pass."""
    if code is Exit.PASS and result.undecided:
        return "NO REGRESSION FOUND, but not everything is decided"
    return SENTENCES[code]


def interval(channel: ChannelVerdict | None) -> str:
    """The median ratio with its 95 % interval, as in ``1.02 [0.99, 1.04]``."""
    if channel is None or not channel.pairs:
        return "-"
    low = "-" if channel.low is None else f"{channel.low:.2f}"
    high = "-" if channel.high is None else f"{channel.high:.2f}"
    return f"{channel.ratio:.2f} [{low}, {high}]"


def remark(judged: Judged) -> str:
    """Cause, note, or how much longer a decision would take."""
    if judged.status is Status.INCONCLUSIVE:
        wait = "no end in sight" if judged.more_seconds is None else f"needs about {judged.more_seconds:.0f} s more"
        return f"{judged.note}; {wait}" if judged.note else wait
    return judged.cause or judged.note


def short(name: str) -> str:
    """A benchmark's name without its file."""
    return name.rpartition("::")[2]


def rows(result: GateResult) -> list[tuple[str, ...]]:
    """The table's cells, one row a benchmark."""
    return [
        (
            judged.benchmark.name, str(judged.status), interval(judged.channels.get("cost")),
            interval(judged.channels.get("parallelism")),
            str(judged.pairs),
            f"{judged.seconds:.1f}", remark(judged),
        )
        for judged in result.benchmarks
    ]  # fmt: skip


def conclusion(result: GateResult, code: Exit) -> str:
    """The last line: verdict, exit code and the reason when nothing was measured."""
    counts: dict[str, int] = {}
    for judged in result.benchmarks:
        counts[str(judged.status)] = counts.get(str(judged.status), 0) + 1
    outcomes: dict[str, int] = {}
    for scenario in result.scenarios:
        outcomes[scenario.outcome] = outcomes.get(scenario.outcome, 0) + 1
    parts = [f"{count} {name}" for name, count in counts.items()] or ["no benchmark"]
    tests = [f"{count} {name}" for name, count in outcomes.items()] or ["none"]
    text = f"{sentence(result, code)} (exit {int(code)}): {', '.join(parts)}; scenarios: {', '.join(tests)}"
    if code is Exit.NOTHING_MEASURED:
        text += f"; nothing was observed of {' and '.join(result.missing)}: add some, or leave a part out with --only"
    text = "; ".join([text, *result.problems, *result.undone])
    return f"{text}; {result.seconds:.0f} s"


def terminal(result: GateResult, code: Exit, width: int = 120, colour: bool = False) -> str:
    """The summary that the command prints."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False, soft_wrap=False)
    console.print(Text(f"gate: base {result.base} against head {result.head}"))
    if result.benchmarks:
        table = Table(*HEADINGS[:-1])
        for name, verdict, *cells, _ in rows(result):
            style = COLOURS.get(verdict, "")
            table.add_row(Text(short(name)), Text(verdict, style=style), *map(Text, cells))
        console.print(table)
        for name, *_, said in rows(result):
            if said:
                console.print(Text(f"{short(name)}: {said}"))
    for scenario in result.scenarios:
        if scenario.outcome != "passed":
            what = f"{scenario.kind} at" if scenario.kind else "at"
            line = f"{scenario.outcome}: {scenario.name}: {what} {scenario.file}:{scenario.line}"
            console.print(Text(f"{line}: {scenario.message}"))
    console.print(Text(conclusion(result, code)))
    return out.getvalue()


def _escaped(text: str, value: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if value else text


def github_annotations(result: GateResult) -> list[str]:
    """GitHub's workflow commands: errors on the line of a race or a benchmark, a warning where nothing was decided."""
    found = []
    for scenario in result.scenarios:
        if scenario.outcome in ("failed", "inconclusive"):
            level = "error" if scenario.outcome == "failed" else "warning"
            text = f"{scenario.name}: {scenario.message}"
            found.append(command(level, scenario.file, scenario.line, scenario.kind, text))
    for judged in result.benchmarks:
        if str(judged.status) not in LEVELS:
            continue
        benchmark = judged.benchmark
        file, line = judged.places[0] if judged.places else (benchmark.file, benchmark.line)
        ratios = ", ".join(f"{name} {interval(channel)}" for name, channel in judged.channels.items())
        text = f"{benchmark.name}: {ratios + ': ' if ratios else ''}{remark(judged)}"
        found.append(command(LEVELS[str(judged.status)], file, line, str(judged.status), text))
    found += [command("error", "", 0, "concurrency gate", text) for text in result.problems]
    return found + [command("warning", "", 0, "concurrency gate", text) for text in result.undone]


def command(level: str, file: str, line: int, title: str, text: str) -> str:
    """One of GitHub's workflow commands; ``level``: error, warning or notice."""
    place = f"file={_escaped(file, True)},line={line}," if file else ""
    return f"::{level} {place}title={_escaped(title, True)}::{_escaped(text)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("`", "'")


def markdown(result: GateResult, code: Exit) -> str:
    """The job summary: conclusion, table, a plot of the ratios, failed scenarios."""
    lines = [f"## Concurrency gate: {sentence(result, code)}", "", _cell(conclusion(result, code)), ""]
    if result.benchmarks:
        lines += ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
        lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows(result)]
        lines += ["", *_plot(result)]
    failed = [scenario for scenario in result.scenarios if scenario.outcome == "failed"]
    if failed:
        lines += ["### Scenarios that failed", ""]
        lines += [f"- `{s.file}:{s.line}` **{s.kind}** {_cell(s.name)}: {_cell(s.message)}" for s in failed]
    return "\n".join(lines) + "\n"


def _plot(result: GateResult) -> list[str]:
    """One bar of text a channel: the interval, the median and the bound of a regression."""
    lines = ["```text", "head/base      0.8       1.0       1.2       1.4   (o median, - interval, | ratio 1)"]
    for judged in result.benchmarks:
        for name, channel in judged.channels.items():
            if not channel.pairs:
                continue
            low = channel.ratio if channel.low is None else channel.low
            high = channel.ratio if channel.high is None else channel.high
            cells = ["-" if _column(low) <= at <= _column(high) else " " for at in range(38)]
            cells[_column(1.0)] = "|"
            cells[_column(channel.ratio)] = "o"
            lines.append(f"{name:11}  {''.join(cells)}  {_cell(judged.benchmark.name)}")
    return [*lines, "```", ""]


def _column(ratio: float) -> int:
    return min(37, max(0, round((ratio - 0.75) * 50)))
