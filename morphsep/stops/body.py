"""The body of a transition's page: the knob, the pictures, what was measured."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from morphsep.dsp import Signal, from_db, mel_power
from morphsep.evaluation.document import Chart
from morphsep.evaluation.page import chart
from morphsep.page import flac, inline, mel_picture
from morphsep.stops.settings_table import settings_table
from morphsep.stops.sine import BREAK_UP, BreakUp
from morphsep.stops.transition import Transition, Way

NAMES = {
    "chain": "effect chain: its knobs are really turned",
    "spectral": "spectral morph of the two ends",
    "crossfade": "crossfade: both ends mixed, two guitars at once",
    "vocoder": "vocoder: one end shaped by the other",
}
"""What a backend does, for those who have not met it."""


def page_body(title: str, transition: Transition, found: BreakUp) -> Iterator[str]:
    """Lines of HTML."""
    yield f'<body>\n<main>\n<p><a href="index.html">All pages</a></p>\n<h1>{escape(title)}</h1>'
    yield from _introduction(transition, found)
    yield from _player(transition)
    yield from _pictures(transition)
    yield "<h2>What is heard</h2>"
    yield from _charts(transition)
    yield from _measured(transition)
    yield from settings_table(transition)
    yield "</main>"
    yield from _sounds(transition)


def _introduction(transition: Transition, found: BreakUp) -> Iterator[str]:
    wanted, excerpt = transition.wanted, transition.excerpt
    yield (
        f"<p>{excerpt.seconds:.1f} s of the guitar from {excerpt.start:.1f} s on, at "
        f"{wanted.steps} stops of the knob: 0 is <b>{escape(transition.names[0])}</b>, "
        f"1 is <b>{escape(transition.names[1])}</b>. Stop anywhere: it goes on at the same "
        "moment.</p>"
    )
    yield "<dl>"
    for name, tone in zip(transition.names, transition.tones, strict=True):
        yield f"<dt>{escape(name)}</dt><dd>{escape(tone.description)}</dd>"
    yield "</dl>"
    yield (
        f"<p>The sound <b>{found}</b>: where a sine of 220 Hz as loud as this guitar gets "
        f"{BREAK_UP:g} % of overtones.</p>"
    )


def _player(transition: Transition) -> Iterator[str]:
    steps = transition.wanted.steps
    yield '<section class="player" aria-label="player">'
    yield '<p><button type="button" id="play">Play</button> <kbd>Space</kbd></p>'
    yield (
        '<p class="knob"><label for="knob">Amount</label> '
        f'<input type="range" id="knob" min="0" max="{steps - 1}" step="1" value="0"> '
        '<output id="says" for="knob" aria-live="off"></output> <kbd>&larr;</kbd> '
        "<kbd>&rarr;</kbd></p>"
    )
    yield "<fieldset><legend>Made by</legend>"
    for k, way in enumerate(transition.ways):
        text = escape(NAMES.get(way.backend, way.backend))
        checked = " checked" if k == 0 else ""
        yield (
            f'<label><input type="radio" name="way" value="{k}"{checked}> {text} '
            f"<kbd>{k + 1}</kbd></label>"
        )
    yield "</fieldset>\n<p>"
    if transition.excerpt.backing is not None:
        yield '<label><input type="checkbox" id="backing" checked> rest of the song</label>'
        yield "<kbd>b</kbd>"
    yield '<label><input type="checkbox" id="matched" checked> all stops equally loud</label>'
    yield '<output id="gain" aria-live="off"></output></p>'
    yield '<p id="trouble" role="alert"></p>\n</section>'


def _pictures(transition: Transition) -> Iterator[str]:
    """Spectrograms of the morph; the same colour is the same level. Each is a way to its stop."""
    mono = [sound.mean(axis=0, keepdims=True) for sound in transition.ways[0].sounds]
    loudest = max(float(mel_power(sound).max()) for sound in mono) or 1.0
    yield '<ol class="stops" aria-label="stops">'
    for k, (amount, sound) in enumerate(zip(transition.wanted.amounts, mono, strict=True)):
        picture = inline("image/png", mel_picture(sound, loudest))
        yield (
            f'<li><button type="button" data-stop="{k}" aria-label="amount {amount:.2g}">'
            f'<img alt="spectrogram at amount {amount:.2g}" src="{picture}"> '
            f"{amount:.2g}</button></li>"
        )
    yield "</ol>"


def _charts(transition: Transition) -> Iterator[str]:
    amounts, ways = transition.wanted.amounts, transition.ways
    both = (
        ("Overtones of a sine", "%", [(way.backend, way.harmonics) for way in ways]),
        ("Where it stands between both tones", "0 to 1", [(w.backend, w.positions) for w in ways]),
    )
    yield '<div class="charts">'
    for title, unit, lines in both:
        drawn = Chart(title=title, x_label="amount", y_label=unit, xs=amounts, lines=lines)
        yield f"<figure><figcaption>{escape(title)}</figcaption>"
        yield from chart(drawn)
        yield "</figure>"
    yield "</div>"


def _measured(transition: Transition) -> Iterator[str]:
    """The same numbers as a table, for those who cannot see lines, and for print."""
    yield '<div class="wide" tabindex="0" role="region" aria-label="measured at each stop"><table>'
    heads = "".join(f'<th scope="col">{amount:.2g}</th>' for amount in transition.wanted.amounts)
    yield f'<thead><tr><th scope="col">amount</th>{heads}</tr></thead><tbody>'
    for way in transition.ways:
        rows = (
            (f"overtones, {way.backend}, %", [f"{each:.1f}" for each in way.harmonics]),
            (f"position, {way.backend}", [f"{each:.2f}" for each in way.positions]),
            (f"loudness, {way.backend}, LUFS", [f"{each:.1f}" for each in way.loudness]),
        )
        for name, values in rows:
            cells = "".join(f"<td>{value}</td>" for value in values)
            yield f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _sounds(transition: Transition) -> Iterator[str]:
    """All sounds, by one gain where one would pass full scale, and what makes each as loud as the
    first. It is data, which no policy has to allow."""
    backing, ways = transition.excerpt.backing, transition.ways
    reference = ways[0].loudness[0]
    peak = max(_peak(way, backing, reference) for way in ways)
    scale = np.float32(1 / max(peak, 1.0))
    data = {
        "amounts": transition.wanted.amounts,
        "ways": [
            {
                "sounds": [_text(sound * scale) for sound in way.sounds],
                "gains": [round(from_db(each), 5) for each in _gains(way, reference)],
            }
            for way in ways
        ],
        "backing": None if backing is None else _text(backing * scale),
    }  # fmt: skip
    yield f'<script type="application/json" id="sounds">{json.dumps(data)}</script>'


def _peak(way: Way, backing: Signal | None, reference: float) -> float:
    """Of all that can be heard: the guitar as rendered and as loud as the first, alone and with
    what is beside it, and that alone."""
    silence = np.zeros_like(way.sounds[0])
    rest = silence if backing is None else backing
    gains = [from_db(gain) for gain in _gains(way, reference)]
    heard = (
        sound * np.float32(gain) + beside
        for sound, own in zip(way.sounds, gains, strict=True)
        for gain in (1.0, own)
        for beside in (silence, rest)
    )
    return max(float(np.abs(rest).max()), *(float(np.abs(each).max()) for each in heard))


def _gains(way: Way, reference: float) -> Sequence[float]:
    """In dB; none where there is silence."""
    return [reference - each if np.isfinite(each) else 0.0 for each in way.loudness]


def _text(sound: Signal) -> str:
    return b64encode(flac(sound)).decode("ascii")
