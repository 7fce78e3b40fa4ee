// All sounds start at one instant and loop together; choosing one only opens it and closes the
// others, within 10 ms, so that nothing clicks and nothing loses its place.
const SWITCH = 0.01;
const HEARD = 1;
let context = null, active = null;

const ramps = new WeakMap();

// How far the last ramp is: not every browser says that in `value`.
function present(gain, now) {
  const last = ramps.get(gain);
  if (!last) return gain.gain.value;
  return last.to + (last.from - last.to) * Math.max(0, 1 - (now - last.at) / SWITCH);
}

function turn(gain, to) {
  const now = context.currentTime;
  const from = present(gain, now);
  gain.gain.cancelScheduledValues(now);
  gain.gain.setValueAtTime(from, now);
  gain.gain.linearRampToValueAtTime(to, now + SWITCH);
  ramps.set(gain, { from, to, at: now });
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

export class Player {
  // addresses: by name; the sounds have one length. changed() is called whenever something to be
  // shown is different.
  constructor(addresses, changed, { loop = true } = {}) {
    this.names = Object.keys(addresses);
    this.chosen = this.names[0];
    this.heard = new Set();
    this.isPlaying = false;
    this.isClosed = false;
    this.gains = null;
    this.addresses = addresses;
    this.changed = changed;
    this.loop = loop;
    this.seconds = Object.fromEntries(this.names.map((name) => [name, 0]));
    this.clock = setInterval(() => this.#count(), 100);
    this.begun = 0;
    this.fetch();
  }

  // Everything is fetched before anybody asks for it, and again after a failure.
  fetch() {
    const all = this.names.map((name) => fetched(this.addresses[name]));
    this.ready = Promise.all(all);
    this.ready.catch(() => {});
  }

  async toggle() {
    context ??= new AudioContext({ sampleRate: 44100 });
    if (this.isPlaying) return this.pause();
    try {
      await this.#open();
    } catch (error) {
      this.fetch();
      throw error;
    }
    await context.resume();
    if (this.isClosed) return;
    active = this;
    turn(this.master, 1);
    this.isPlaying = true;
    this.begun = context.currentTime;
    this.changed();
  }

  async pause() {
    this.isPlaying = false;
    turn(this.master, 0);
    this.changed();
    setTimeout(() => active === this && !this.isPlaying && context.suspend(), 1000 * SWITCH * 2);
  }

  choose(name) {
    this.#count();
    this.chosen = name;
    for (const [other, gain] of Object.entries(this.gains ?? {})) turn(gain, other === name ? 1 : 0);
    this.changed();
  }

  async hear(name) {
    this.choose(name);
    if (!this.isPlaying) await this.toggle();
  }

  close() {
    clearInterval(this.clock);
    this.isPlaying = false;
    this.isClosed = true;
    if (!this.gains) return;
    turn(this.master, 0);
    for (const source of this.sources) source.stop(context.currentTime + 2 * SWITCH);
    this.gains = null;
  }

  async #open() {
    if (this.gains) return;
    const decode = (data) => context.decodeAudioData(data.slice(0));
    const buffers = await Promise.all((await this.ready).map(decode));
    if (this.gains || this.isClosed) return;
    this.master = new GainNode(context, { gain: 0 });
    this.master.connect(context.destination);
    const at = context.currentTime + 0.05;
    this.sources = buffers.map((buffer) => new AudioBufferSourceNode(context, { buffer, loop: this.loop }));
    this.length = buffers[0].duration;
    this.gains = Object.fromEntries(this.sources.map((source, k) => {
      const gain = new GainNode(context, { gain: this.names[k] === this.chosen ? 1 : 0 });
      source.connect(gain).connect(this.master);
      source.start(at);
      return [this.names[k], gain];
    }));
    if (!this.loop) this.sources[0].onended = () => this.#ended();
  }

  #ended() {
    if (this.isClosed) return;
    this.#count();
    this.heard.add(this.chosen);
    this.isPlaying = false;
    this.gains = null;
    this.changed();
  }

  // Notes how long the chosen sound was heard: all of it, or a second.
  #count() {
    if (!this.isPlaying) return;
    const now = context.currentTime;
    this.seconds[this.chosen] += now - this.begun;
    this.begun = now;
    const isNew = !this.heard.has(this.chosen);
    if (this.loop && isNew && this.seconds[this.chosen] >= Math.min(HEARD, this.length)) {
      this.heard.add(this.chosen);
      this.changed();
    }
  }
}
