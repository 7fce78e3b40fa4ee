"""A page that plays sounds of one length and goes from one to the other without a break."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What can be listened to, with the picture of it."""

    title: str
    file: Path
    picture: Path | None = None


def write_page(path: Path, title: str, text: str, sounds: Sequence[Sound]) -> None:
    """Writes an HTML page that needs nothing but the files beside it, and no network."""
    made = _PAGE.substitute(
        title=html.escape(title),
        text=html.escape(text),
        sounds="\n".join(_sound(sound, path.parent) for sound in sounds),
    )
    path.write_text(made, encoding="utf-8")


def _sound(sound: Sound, folder: Path) -> str:
    title, file = html.escape(sound.title), _link(sound.file, folder)
    shown = ""
    if sound.picture is not None:
        shown = f'<img src="{_link(sound.picture, folder)}" alt="spectrograms: {title}">'
    return (
        f'<section><label><input type="radio" name="sound"> {title}</label>'
        f'<audio src="{file}" preload="auto"></audio>{shown}</section>'
    )


def _link(file: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(file, folder)).as_posix())


_PAGE = Template(
    """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
header { position: sticky; top: 0; background: Canvas; padding: .5rem 0 }
input[type=range] { width: 100% }
img { display: none; width: 100% }
section:has(:checked) img { display: block }
:root { color-scheme: light dark }
</style>
<header><h1>$title</h1><p>$text</p>
<button>Play</button> <span>0.0 s</span><input type="range" min="0" step="0.01" value="0"></header>
<main>
$sounds
</main>
<script>
const sounds = [...document.querySelectorAll("audio")]
const choices = [...document.querySelectorAll("[name=sound]")]
const [button, place, at] = ["button", "[type=range]", "span"].map(x => document.querySelector(x))
let current = sounds[0]
choices[0].checked = true
const show = () => { button.textContent = current.paused ? "Play" : "Pause" }
const move = () => {
  place.max = current.duration || 1
  place.value = current.currentTime
  at.textContent = current.currentTime.toFixed(1) + " s"
}
button.onclick = () => { current.paused ? current.play() : current.pause() }
place.oninput = () => { current.currentTime = place.value }
choices.forEach((choice, i) => choice.onchange = () => {
  const plays = !current.paused
  sounds[i].currentTime = current.currentTime
  current.pause()
  current = sounds[i]
  if (plays) current.play()
})
sounds.forEach(sound => { sound.onplay = sound.onpause = show; sound.ontimeupdate = move })
</script>
"""
)
