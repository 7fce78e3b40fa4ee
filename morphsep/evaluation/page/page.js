
"use strict";
// One sound at a time. In a group, the keys 1 to 9 change to another sound at the same moment.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other !== event.target) other.pause();
  }
  event.target.closest("li").classList.add("playing");
}, true);
for (const kind of ["pause", "ended"]) {
  document.addEventListener(kind, (event) => {
    event.target.closest("li").classList.remove("playing");
  }, true);
}
document.addEventListener("keydown", (event) => {
  const group = event.target.closest(".players");
  if (!group || event.ctrlKey || event.altKey || event.metaKey) return;
  const sounds = Array.from(group.querySelectorAll("audio"));
  const chosen = /^[1-9]$/.test(event.key) ? sounds[Number(event.key) - 1] : undefined;
  if (!chosen) return;
  event.preventDefault();
  const before = sounds.find((sound) => !sound.paused);
  chosen.currentTime = before ? before.currentTime : 0;
  chosen.play();
});
