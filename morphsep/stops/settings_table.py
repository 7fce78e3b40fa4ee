"""What the knobs of an effect chain show at every stop."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from morphsep.stops.transition import Transition

Values = list[str]


def settings_table(transition: Transition) -> Iterator[str]:
    """Lines of HTML; none where the morph turns no knobs."""
    if not transition.chains:
        return
    rows = _rows(transition)
    turned = {name: values for name, values in rows.items() if len(set(values)) > 1}
    still = {name: values for name, values in rows.items() if name not in turned}
    yield "<h2>Where the knobs stand</h2>"
    yield '<div class="wide" tabindex="0" role="region" aria-label="knobs at each stop"><table>'
    heads = "".join(f'<th scope="col">{amount:.2g}</th>' for amount in transition.wanted.amounts)
    yield f'<thead><tr><th scope="col">knob</th>{heads}</tr></thead><tbody>'
    for name, values in turned.items():
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        yield f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    yield "</tbody></table></div>"
    if still:
        listed = "; ".join(f"{name} {values[0]}" for name, values in still.items())
        yield f"<p>The same at every stop: {escape(listed)}.</p>"


def _rows(transition: Transition) -> dict[str, Values]:
    """Each knob's values; "-" where its pedal is not in the chain."""
    steps = len(transition.chains)
    rows: dict[str, Values] = {}
    for k, chain in enumerate(transition.chains):
        counts: dict[str, int] = {}
        for pedal in chain.pedals:
            counts[pedal.kind] = counts.get(pedal.kind, 0) + 1
            number = f" {counts[pedal.kind]}" if counts[pedal.kind] > 1 else ""
            for setting, value in pedal.settings:
                row = rows.setdefault(f"{pedal.kind}{number}: {setting}", ["-"] * steps)
                row[k] = f"{value:.4g}" if isinstance(value, float) else str(value)
    return rows
