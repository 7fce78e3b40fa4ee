// The test as one page. The server says what comes next; what was answered is sent until the server
// has it, and what was begun is kept in the browser, so that a reload loses nothing.
import { Player } from "/player.js";
import { Choice, Scales, chooser, make } from "/questions.js";

const RETRY = 2000;
const DRAFT = "draft-";
const element = (id) => document.getElementById(id);
let player = null, question = null, onKey = null;

function trouble(text) {
  element("trouble").textContent = text;
}

function sent(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

// Asks the server; while it is away, again and again.
async function ask(path, body) {
  for (;;) {
    let answer = null;
    try {
      answer = await fetch(path, body === undefined ? {} : sent(body));
    } catch {
      answer = null;
    }
    if (answer?.ok) {
      trouble("");
      return answer.json();
    }
    if (answer?.status === 409) return ask("/next");
    if (answer && answer.status < 500) throw new Error(await answer.text());
    const why = answer ? "The server has a fault" : "The server cannot be reached";
    trouble(`${why}. Your answers are kept here; this page tries again by itself.`);
    await new Promise((resolve) => setTimeout(resolve, RETRY));
  }
}

async function go(path, body) {
  try {
    show(await ask(path, body));
    return true;
  } catch (error) {
    trouble(error.message);
    return false;
  }
}

// A button that does something once, however often it is pressed.
function button(text, act) {
  const made = make("button", { type: "button", className: "main" }, text);
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-disabled") === "true") return;
    made.setAttribute("aria-disabled", "true");
    await act();
    made.removeAttribute("aria-disabled");
  });
  return made;
}

function lay(heading, ...content) {
  element("heading").textContent = heading;
  element("content").replaceChildren(...content);
  element("heading").focus();
  window.scrollTo(0, 0);
}

function paragraphs(text) {
  return text.split(/\n\s*\n/).map((part) => make("p", {}, part.replace(/\s*\n\s*/g, " ")));
}

function show(step) {
  player?.close();
  player = question = onKey = null;
  element("progress").hidden = step.step !== "trial";
  ({ consent, headphones, trial, done })[step.step](step);
}

function consent(step) {
  lay("Before you begin", ...paragraphs(step.text), button("I agree: begin", () => go("/consent", {})));
}

function playButton() {
  const play = make("button", { type: "button", id: "play", className: "main" }, "Play");
  play.addEventListener("click", toggle);
  return play;
}

async function play(act) {
  const current = player;
  try {
    await act(current);
    if (current === player) trouble("");
  } catch (error) {
    if (current === player) trouble(`This sound cannot be played: ${error.message} Press Play to try again.`);
  }
}

const toggle = () => play((current) => current.toggle());
const hear = (name) => play((current) => current.hear(name));

function showPlaying() {
  element("play").textContent = player.isPlaying ? "Pause" : "Play";
  element("play").classList.toggle("heard", player.heard.size === player.names.length);
  for (const each of document.querySelectorAll("[data-sound]")) {
    const isChosen = each.dataset.sound === player.chosen;
    each.setAttribute("aria-pressed", String(isChosen));
    each.classList.toggle("heard", player.heard.has(each.dataset.sound));
  }
}

function headphones(step, places = []) {
  const number = places.length;
  const places_ = ["First", "Second", "Third"];
  const inputs = places_.map((_, k) => make("input", { type: "radio", name: "place", value: k }));
  const labels = places_.map((word, k) => make("label", {}, inputs[k], `${word} `, make("kbd", {}, String(k + 1))));
  player?.close();
  player = new Player({ check: `/headphones/${number}` }, showPlaying, { loop: false });
  onKey = (digit) => inputs[digit - 1]?.click();
  const next = button("Next", async () => {
    const chosen = inputs.find((input) => input.checked);
    if (!player.begun) {
      trouble("Listen to the noises first.");
      element("play").focus();
      return;
    }
    if (!chosen) {
      trouble("Choose one of the three first.");
      inputs[0].focus();
      return;
    }
    trouble("");
    const all = [...places, Number(chosen.value)];
    if (all.length < step.tries) headphones(step, all);
    else await go("/headphones", { check: step.failed, places: all });
  });
  const failed = "That was not it. Are your headphones on, with left and right as they should be? Try once more.";
  lay("Headphones on, please",
    make("p", {}, "You hear three noises. In one of them there is a faint tone: which? With headphones it is there; over loudspeakers nobody can hear it. "
      + "Set the volume so that the noise is comfortable, and leave it there."),
    ...(step.failed && !number ? [make("p", { className: "note" }, failed)] : []),
    make("p", {}, playButton(), " ", make("kbd", {}, "Space")),
    make("fieldset", { className: "choice" }, make("legend", {}, `Tone ${number + 1} of ${step.tries}: it is in the`), ...labels),
    make("p", {}, next));
}

function draftOf(step) {
  try {
    return JSON.parse(localStorage.getItem(DRAFT + step.trial)) ?? {};
  } catch {
    return {};
  }
}

function keepDraft(step) {
  try {
    localStorage.setItem(DRAFT + step.trial, JSON.stringify(question.values));
  } catch { /* a browser that keeps nothing */ }
}

function trial(step) {
  element("bar").max = step.of;
  element("bar").value = step.done;
  element("count").textContent = step.training ? `Training; ${step.done} of ${step.of} done` : `${step.done} of ${step.of} done`;
  const names = [...step.open.map(([, name]) => name), ...step.rated];
  player = new Player(Object.fromEntries(names.map((name) => [name, `/sounds/${name}`])), showPlaying);
  const changed = () => { trouble(""); keepDraft(step); };
  const isAlone = names.length === 1;
  question = isAlone ? new Choice(step, changed) : new Scales(step, player, hear, changed);
  question.values = draftOf(step);
  onKey = (digit) => question.key(digit);
  const openKeys = step.open.map(([label]) => label[0].toLowerCase());
  const open = step.open.map(([label, name], k) => chooser(name, label[0].toUpperCase() + label.slice(1), openKeys[k], hear));
  const note = make("p", { className: "note" }, "Training: get to know the sounds and the buttons. Your answer to this one is not kept.");
  lay(step.scale.ask,
    ...(step.training ? [note] : []),
    make("p", {}, question.help),
    make("p", { className: "player" }, playButton(), " ", make("kbd", {}, "Space"), " ", ...open),
    question.element,
    make("p", {}, button("Next", () => finish(step))));
  showPlaying();
}

async function finish(step) {
  const unheard = step.rated.find((name) => !player.heard.has(name));
  if (unheard) {
    trouble(step.rated.length > 1 ? `Listen to sound ${step.rated.indexOf(unheard) + 1} first.` : "Listen to the sound first.");
    document.querySelector(`[data-sound="${unheard}"]`)?.focus();
    return;
  }
  const answers = question.values;
  if (Object.keys(answers).length < step.rated.length) {
    const { element: first, what } = question.lacking();
    first.focus();
    trouble(`What is still missing: ${what}.`);
    return;
  }
  element("content").inert = true; // what stands there is what is being sent
  const isTaken = await go("/answers", { trial: step.trial, answers });
  element("content").inert = false;
  if (isTaken) localStorage.removeItem(DRAFT + step.trial);
}

function done() {
  lay("Thank you", make("p", {}, "That was all. Your answers are saved; you can close this page."));
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || !player || element("content").inert) return;
  const kind = event.target.tagName;
  const named = [...document.querySelectorAll(".player [data-sound] kbd")].find((each) => each.textContent === event.key.toLowerCase());
  if (event.key === " " && kind !== "BUTTON" && event.target.type !== "radio") toggle();
  else if (/^[1-9]$/.test(event.key)) onKey(Number(event.key));
  else if (named) named.closest("button").click();
  else return;
  event.preventDefault();
}

history.replaceState(null, "", "/");
document.addEventListener("keydown", key);
go("/next");
