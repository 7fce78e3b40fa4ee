
"use strict";
// Without this script the browser's own players do. With it one sound plays at a time, and the
// sounds of an excerpt take over from one another at the same moment.
document.documentElement.classList.add("js");
const STEP = 0.5;
const sounds = Array.from(document.querySelectorAll("audio"));
const groupOf = (sound) => sound.closest(".players");
const soundsOf = (group) => Array.from(group.querySelectorAll("audio"));

function play(sound) {
  const group = groupOf(sound);
  const before = group && soundsOf(group).find((other) => other.dataset.last === "yes");
  for (const other of sounds) {
    if (other !== sound) other.pause();
  }
  if (before && before !== sound) {
    // by the share that was heard: after the step speed an excerpt has another length
    const share = before.ended || !before.duration ? 0 : before.currentTime / before.duration;
    sound.currentTime = share * (sound.duration || before.duration || 0);
    sound.loop = before.loop;
  }
  if (group) for (const other of soundsOf(group)) other.dataset.last = other === sound ? "yes" : "no";
  sound.play().catch(() => {});  // paused by the next key before it began
}

function seek(group, seconds) {
  for (const sound of soundsOf(group)) sound.currentTime = seconds;
  follow(group);
}

function current(group) {
  const all = soundsOf(group);
  return all.find((sound) => sound.dataset.last === "yes") || all[0];
}

function follow(group) {
  const sound = current(group);
  group.style.setProperty("--at", sound.duration ? sound.currentTime / sound.duration : 0);
  if (!sound.paused) requestAnimationFrame(() => follow(group));
}

for (const sound of sounds) {
  const button = document.createElement("button");
  const label = sound.getAttribute("aria-label");
  button.type = "button";
  const show = () => {
    button.textContent = sound.paused ? "Play" : "Pause";
    button.setAttribute("aria-label", `${button.textContent}: ${label}`);
    button.setAttribute("aria-pressed", String(!sound.paused));
    const row = sound.closest("li");
    if (row) row.classList.toggle("playing", !sound.paused);
    if (groupOf(sound)) follow(groupOf(sound));
  };
  for (const kind of ["play", "pause", "ended"]) sound.addEventListener(kind, show);
  button.addEventListener("click", () => (sound.paused ? play(sound) : sound.pause()));
  const row = sound.closest("li");
  if (row) row.querySelector(".name").prepend(button);
  else sound.before(button);
  show();
}

for (const picture of document.querySelectorAll(".players .picture")) {
  picture.addEventListener("click", (event) => {
    const sound = picture.closest("li").querySelector("audio");
    const box = picture.getBoundingClientRect();
    if (sound.duration) seek(groupOf(sound), (event.clientX - box.left) / box.width * sound.duration);
    play(sound);
  });
}

document.addEventListener("keydown", (event) => {
  const group = event.target.closest(".players");
  if (!group || event.ctrlKey || event.altKey || event.metaKey) return;
  const all = soundsOf(group);
  const sound = current(group);
  if (/^[1-9]$/.test(event.key) && all[Number(event.key) - 1]) play(all[Number(event.key) - 1]);
  else if (event.key === " " && event.target.tagName !== "BUTTON") sound.paused ? play(sound) : sound.pause();
  else if (event.key === "ArrowLeft") seek(group, Math.max(0, sound.currentTime - STEP));
  else if (event.key === "ArrowRight") seek(group, Math.min(sound.duration || 0, sound.currentTime + STEP));
  else if (event.key.toLowerCase() === "l") for (const each of all) each.loop = !each.loop;
  else return;
  event.preventDefault();
});

const filter = document.querySelector("[data-filter]");
if (filter) {
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of document.querySelectorAll("tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
}

