// The questions as forms: one sound and a choice, or several sounds and a scale for each.

export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const WORDS = {
  mos: "Judge this sound alone, by itself. There is no right answer.",
  fusion: "Some of these are one guitar, some are two at once.",
  position: "A and B are the two ends. A sound that is half of each belongs in the middle. "
    + "Put each sound where you hear it; some may be at an end.",
  quality: "Compare each sound with the reference: 100 is no difference at all, 0 is very bad. "
    + "One of them is the reference itself, so at least one belongs at 100.",
};

// A button for each sound that is played under its name, with the key that chooses it.
export function chooser(name, label, key, hear) {
  const button = make("button", { type: "button", className: "sound" }, label);
  if (key) button.append(" ", make("kbd", {}, key));
  button.dataset.sound = name;
  button.addEventListener("click", () => hear(name));
  return button;
}

export class Choice {
  constructor(step, changed) {
    const { ask, low, words } = step.scale;
    [this.sound] = step.rated;
    this.inputs = words.map((_, k) => make("input", { type: "radio", name: "answer", value: low + k }));
    const labels = words.map((word, k) => make("label", {}, this.inputs[k], `${word} `, make("kbd", {}, String(low + k))));
    this.element = make("fieldset", { className: "choice" }, make("legend", { className: "unseen" }, ask), ...labels);
    this.element.addEventListener("change", changed);
    this.help = WORDS[step.question];
  }

  get values() {
    const chosen = this.inputs.find((input) => input.checked);
    return chosen ? { [this.sound]: Number(chosen.value) } : {};
  }

  set values(known) {
    for (const input of this.inputs) input.checked = Number(input.value) === known[this.sound];
  }

  lacking() {
    return { element: this.inputs[0], what: "an answer" };
  }

  key(digit) {
    this.inputs[digit - Number(this.inputs[0].value)]?.click();
  }
}

export class Scales {
  constructor(step, player, hear, changed) {
    this.scale = step.scale;
    this.changed = changed;
    this.help = WORDS[step.question];
    this.rows = step.rated.map((name, k) => this.#row(name, k + 1, player, hear));
    const words = this.scale.words.map((word) => make("span", {}, word));
    const kind = words.length === 2 ? "ends" : "parts";
    const head = make("div", { className: "words", "aria-hidden": "true" }, make("span"), make("div", { className: kind }, ...words));
    this.element = make("div", { className: "scales" }, head, ...this.rows.map((row) => row.element));
  }

  get values() {
    const known = this.rows.filter((row) => row.isTouched);
    return Object.fromEntries(known.map((row) => [row.name, Number(row.input.value)]));
  }

  set values(known) {
    for (const row of this.rows) {
      if (row.name in known) {
        row.input.value = known[row.name];
        this.#touch(row);
      }
    }
  }

  lacking() {
    const row = this.rows.find((each) => !each.isTouched);
    return { element: row.input, what: `the slider of ${row.label}` };
  }

  key(digit) {
    this.rows[digit - 1]?.input.focus();
  }

  #row(name, number, player, hear) {
    const { low, high } = this.scale;
    const label = `Sound ${number}`;
    const input = make("input", { type: "range", min: low, max: high, step: 1, "aria-label": this.#label(label) });
    input.value = (low + high) / 2;
    const row = { name, label, input, isTouched: false, says: make("output", {}, "not yet") };
    input.setAttribute("aria-valuetext", "no answer yet");
    row.element = make("div", { className: "row untouched" },
      chooser(name, label, number < 10 ? String(number) : "", hear), input, row.says);
    // whoever wants the middle clicks there: that changes nothing, but is an answer
    for (const event of ["input", "click"]) {
      input.addEventListener(event, () => { this.#touch(row); this.changed(); });
    }
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { this.#touch(row); this.changed(); }
    });
    // what is judged is what is heard
    input.addEventListener("focus", () => player.choose(name));
    return row;
  }

  #label(label) {
    const { words, low, high } = this.scale;
    return `${label}: ${low} is ${words[0]}, ${high} is ${words.at(-1)}`;
  }

  #touch(row) {
    const { low, high, words } = this.scale;
    const value = Number(row.input.value);
    const part = Math.min(words.length - 1, Math.floor((value - low) / (high - low) * words.length));
    const text = words.length > 2 ? `${value} ${words[part]}` : String(value);
    row.isTouched = true;
    row.says.textContent = text;
    row.input.setAttribute("aria-valuetext", text);
    row.element.classList.remove("untouched");
  }
}
