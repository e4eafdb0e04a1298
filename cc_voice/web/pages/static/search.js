// Search: hear a passage without leaving the list. One audio element; the same button stops it.

const audio = new Audio();
audio.preload = "none";
const form = audio.canPlayType("audio/flac") ? "flac" : "wav";
const trouble = document.querySelector("[data-trouble]");
let playing = null;

function stop() {
  audio.pause();
  if (playing) playing.removeAttribute("aria-pressed");
  playing = null;
}

async function play(button) {
  stop();
  playing = button;
  button.setAttribute("aria-pressed", "true");
  trouble.hidden = true;
  const source = `${button.closest("[data-audio]").dataset.audio}.${form}`;
  try {
    if (new URL(source, location.href).href !== audio.src) audio.src = source;
    audio.currentTime = Number(button.dataset.play) / 1000;
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return; // another passage was asked for before this one began
    stop();
    trouble.textContent = "The recording of this call cannot be played: it was deleted, or this browser cannot play it.";
    trouble.hidden = false;
  }
}

audio.addEventListener("ended", stop);
for (const button of document.querySelectorAll("[data-play]")) {
  button.hidden = false;
  button.addEventListener("click", () => button === playing ? stop() : play(button));
}
