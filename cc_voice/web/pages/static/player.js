// The recording: one clock for audio, lanes and transcript. Two volumes, as agent is the left channel and customer the right.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 56; // of a lane's own coordinates; the loudest sample of the call fills it
const QUIET = 32;  // a call without anything louder is drawn flat, not blown up to noise

export function clock(ms) {
  const s = Math.floor(Math.max(0, ms) / 1000), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  const two = n => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

export class Player extends EventTarget {
  /** `box` is the section with lanes and transport. Dispatches "time" whenever the playhead moves. */
  constructor(box) {
    super();
    this.box = box;
    this.totalMs = Number(box.dataset.total);
    this.atMs = Number(box.dataset.at);
    this.line = box.querySelector("[data-playhead]");
    this.cap = box.querySelector("[data-playcap]");
    this.now = box.querySelector("[data-now]");
    this.button = box.querySelector("[data-play]");
    this.trouble = box.querySelector("[data-trouble]");
    this.audio = null;
    this.gains = {};
    for (const lane of box.querySelectorAll("[data-lane]")) lane.addEventListener("click", event => {
      const place = lane.getBoundingClientRect();
      this.seek((event.clientX - place.left) / place.width * this.totalMs);
    });
    if (box.dataset.audio) this.#transport();
    this.#show();
  }

  get playing() { return Boolean(this.audio && !this.audio.paused); }

  seek(ms) {
    this.atMs = Math.max(0, Math.min(this.totalMs, ms));
    if (this.audio) this.audio.currentTime = this.atMs / 1000;
    this.#show();
  }

  async toggle() {
    if (!this.audio) return;
    this.#mixer();
    if (this.playing) { this.audio.pause(); return; }
    try {
      await this.context.resume();
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.trouble.textContent = "The recording cannot be played here. It is under Download.";
    }
  }

  #transport() {
    const transport = this.box.querySelector("[data-transport]");
    transport.hidden = false;
    const audio = this.audio = new Audio();
    audio.preload = "metadata";
    // A voice at twice the speed must not become a mouse.
    audio.preservesPitch = true;
    for (const form of ["flac", "wav"]) {
      const source = document.createElement("source");
      source.src = `${this.box.dataset.audio}.${form}`;
      source.type = `audio/${form}`;
      audio.append(source);
    }
    audio.addEventListener("loadedmetadata", () => { audio.currentTime = this.atMs / 1000; });
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.#pressed());
    audio.lastElementChild.addEventListener("error", () => { this.trouble.textContent = "The recording could not be loaded."; });
    this.button.addEventListener("click", () => this.toggle());
    for (const skip of transport.querySelectorAll("[data-skip]")) skip.addEventListener("click", () => this.seek(this.atMs + Number(skip.dataset.skip)));
    transport.querySelector("[data-speed]").addEventListener("change", event => { audio.playbackRate = Number(event.target.value); });
    for (const slider of transport.querySelectorAll("[data-volume]")) slider.addEventListener("input", () => {
      this.#mixer();
      this.gains[slider.dataset.volume].gain.value = slider.value / 100;
    });
  }

  // Browsers want a gesture before they let a page make sound, so the mixer is built at the first one.
  #mixer() {
    if (this.context) return;
    const context = this.context = new AudioContext();
    const split = context.createChannelSplitter(2), merge = context.createChannelMerger(2);
    context.createMediaElementSource(this.audio).connect(split);
    ["agent", "customer"].forEach((party, side) => {
      const gain = this.gains[party] = context.createGain();
      split.connect(gain, side);
      // Both parties to both ears: headsets at work are often worn on one.
      gain.connect(merge, 0, 0);
      gain.connect(merge, 0, 1);
    });
    merge.connect(context.destination);
  }

  #pressed() {
    this.button.setAttribute("aria-pressed", String(this.playing));
    this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.button.querySelector("use").setAttribute("href", this.playing ? "#i-pause" : "#i-play");
    if (this.playing) requestAnimationFrame(() => this.#tick());
  }

  #tick() {
    if (!this.playing) return;
    this.atMs = this.audio.currentTime * 1000;
    this.#show();
    requestAnimationFrame(() => this.#tick());
  }

  #show() {
    const x = `${(100 * this.atMs / this.totalMs).toFixed(3)}%`;
    this.line.setAttribute("x1", x);
    this.line.setAttribute("x2", x);
    this.cap.setAttribute("cx", x);
    if (this.now) this.now.textContent = clock(this.atMs);
    this.dispatchEvent(new Event("time"));
  }
}

/** Draw the waveforms of a call. The audio may be a little shorter than the call, which is what the lanes are as wide as. */
export async function drawPeaks(box) {
  if (!box.dataset.peaks) return;
  const answer = await fetch(box.dataset.peaks);
  if (!answer.ok) return;
  const peaks = await answer.json(), loudest = Math.max(QUIET, ...peaks.agent, ...peaks.customer), share = peaks.duration_ms / Number(box.dataset.total);
  for (const lane of box.querySelectorAll("[data-wave]")) {
    const side = lane.dataset.wave, found = peaks[side] ?? peaks.agent; // one mixed channel is on both sides
    const path = document.createElementNS(SVG, "path"), middle = HEIGHT / 2;
    lane.setAttribute("viewBox", `0 0 ${Math.max(1, found.length / share)} ${HEIGHT}`);
    path.setAttribute("class", `wave thin s-${side}`);
    path.setAttribute("d", found.map((peak, i) => peak < 2 ? "" : `M${i} ${middle - peak * middle / loudest}V${middle + peak * middle / loudest}`).join(""));
    lane.replaceChildren(path);
  }
}
