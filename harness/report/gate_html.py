"""A gate's result as one self-contained HTML page: no script, nothing fetched. Pure."""

from __future__ import annotations

from harness.gate.results import Exit, GateResult
from harness.report.gate_text import HEADINGS, conclusion, rows, sentence
from harness.report.html import require_jinja2

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Concurrency gate: {{ sentence }}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}
.REGRESSION,.DIFFERENT,.CRASHED{color:#a40000;font-weight:600}.PASS{color:#1a6b1a}.INCONCLUSIVE{color:#7a5200}</style></head>
<body><h1>Concurrency gate: {{ sentence }}</h1><p>{{ conclusion }}</p>
<p>Base <code>{{ result.base }}</code> against head <code>{{ result.head }}</code>.</p>
{% if rows %}<table><thead><tr>{% for name in headings %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td class="{{ row[1] if loop.index0 == 1 else '' }}">{{ cell }}</td>
{% endfor %}</tr>{% endfor %}</tbody></table>
<h2>Ratio head/base with its 95 % interval</h2>
<svg viewBox="0 0 760 {{ 24 * bars|length + 30 }}" role="img" aria-label="Ratios with intervals" font-size="12">
<line x1="{{ one }}" x2="{{ one }}" y1="0" y2="{{ 24 * bars|length + 8 }}" stroke="#777" stroke-dasharray="4"/>
<text x="{{ one }}" y="{{ 24 * bars|length + 22 }}" text-anchor="middle">1.0</text>
{% for bar in bars %}<line x1="{{ bar.low }}" x2="{{ bar.high }}" y1="{{ 24 * loop.index0 + 12 }}"
 y2="{{ 24 * loop.index0 + 12 }}" stroke="#36648b" stroke-width="3"/>
<circle cx="{{ bar.at }}" cy="{{ 24 * loop.index0 + 12 }}" r="4" fill="#36648b"/>
<text x="0" y="{{ 24 * loop.index0 + 16 }}">{{ bar.name }}</text>{% endfor %}</svg>{% endif %}
{% if result.scenarios %}<h2>Scenarios</h2><ul>{% for s in result.scenarios %}
<li><strong>{{ s.outcome }}</strong> {{ s.name }}{% if s.outcome == "failed" %}: {{ s.kind }} at
 <code>{{ s.file }}:{{ s.line }}</code>: {{ s.message }}{% endif %}</li>{% endfor %}</ul>{% endif %}
</body></html>
"""


def _x(ratio: float) -> float:
    return round(min(740.0, max(330.0, 330 + (ratio - 0.7) * 410 / 0.9)), 1)


def page(result: GateResult, code: Exit) -> str:
    """The page; raises :class:`UsageError` when jinja2 is not installed."""
    bars = [
        {
            "name": f"{judged.benchmark.name.rpartition('::')[2]} {name}",
            "at": _x(channel.ratio),
            "low": _x(channel.ratio if channel.low is None else channel.low),
            "high": _x(channel.ratio if channel.high is None else channel.high),
        }
        for judged in result.benchmarks
        for name, channel in judged.channels.items()
        if channel.pairs
    ]
    template = require_jinja2().Environment(autoescape=True).from_string(PAGE)
    text: str = template.render(
        result=result, sentence=sentence(result, code), conclusion=conclusion(result, code), headings=HEADINGS,
        rows=rows(result), bars=bars, one=_x(1.0),
    )  # fmt: skip
    return text
