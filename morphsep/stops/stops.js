
"use strict";
// All sounds start at one instant and loop together; the knob only opens one and closes the others,
// within 10 ms, so that nothing clicks and nothing loses its place.
const SWITCH = 0.01;
const element = (id) => document.getElementById(id);
const data = element("sounds") && JSON.parse(element("sounds").textContent);
let context = null, opened = [], backing = null, ready = null;

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

async function load() {
  context = new AudioContext({ sampleRate: 44100 });
  const decode = (text) => context.decodeAudioData(bytes(text));
  const ways = await Promise.all(data.ways.map((way) => Promise.all(way.sounds.map(decode))));
  const beside = data.backing && await decode(data.backing);
  const at = context.currentTime + 0.1;
  const begin = (buffer) => {
    const gain = new GainNode(context, { gain: 0 });
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.connect(gain).connect(context.destination);
    source.start(at);
    return gain;
  };
  opened = ways.map((way) => way.map(begin));
  backing = beside ? begin(beside) : null;
  choose();
}

function chosen() {
  const way = Number(document.querySelector("input[name=way]:checked").value);
  return { way, stop: Number(element("knob").value) };
}

function turn(gain, to) {
  const now = context.currentTime;
  gain.gain.cancelScheduledValues(now);
  gain.gain.setValueAtTime(gain.gain.value, now);
  gain.gain.linearRampToValueAtTime(to, now + SWITCH);
}

function choose() {
  const { way, stop } = chosen();
  const amount = data.amounts[stop].toFixed(2);
  const gain = 20 * Math.log10(data.ways[way].gains[stop]);
  const matched = element("matched").checked;
  element("says").textContent = amount;
  element("gain").textContent = matched ? `${gain.toFixed(1)} dB` : "as rendered";
  element("knob").setAttribute("aria-valuetext", `amount ${amount}`);
  for (const button of document.querySelectorAll("[data-stop]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.stop) === stop));
  }
  opened.forEach((sounds, w) => sounds.forEach((node, s) => {
    const level = matched ? data.ways[w].gains[s] : 1;
    turn(node, w === way && s === stop ? level : 0);
  }));
  if (backing) turn(backing, element("backing").checked ? 1 : 0);
}

async function play() {
  const button = element("play");
  try {
    if (ready === null) {
      button.textContent = "Loading";
      ready = load();
      await ready;
    } else {
      await ready;
      await (context.state === "running" ? context.suspend() : context.resume());
    }
    button.textContent = context.state === "running" ? "Pause" : "Play";
  } catch (error) {
    ready = null;
    context?.close();
    button.textContent = "Play";
    element("trouble").textContent = `These sounds cannot be played here: ${error.message}`;
  }
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const kind = event.target.tagName;
  if (event.key === " " && kind !== "BUTTON" && event.target.type !== "checkbox") play();
  else if (/^[1-9]$/.test(event.key)) document.querySelector(`input[name=way][value="${event.key - 1}"]`)?.click();
  else if (event.key === "b") element("backing")?.click();
  else if (/^Arrow(Left|Right)$/.test(event.key) && kind !== "INPUT" && !event.target.closest(".wide")) {
    element("knob").value = Number(element("knob").value) + (event.key === "ArrowRight" ? 1 : -1);
    choose();
  } else return;
  event.preventDefault();
}

if (data) {
  element("play").addEventListener("click", play);
  document.addEventListener("keydown", key);
  document.addEventListener("input", choose);
  for (const button of document.querySelectorAll("[data-stop]")) {
    button.addEventListener("click", () => { element("knob").value = button.dataset.stop; choose(); });
  }
  choose();
}
