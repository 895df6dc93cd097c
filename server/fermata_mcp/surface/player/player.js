// What is shown, and what a person can do with it. Whatever comes from elsewhere is set as text, never as markup.

const BEFORE_JOIN = 3;
const STEP = 5;
const MOST_LISTED = 60;
const POLL_SECONDS = 10;
const WORKING = ["queued", "running"];
const DONE = ["succeeded", "partial"];
const ICONS = { play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z" };

const $ = (id) => document.getElementById(id);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const sound = new Sound(() => render());
const wave = new Wave($("wave"));
const state = { view: null, version: null, wanted: 0, chosen: -1, turn: 0, asked: false };

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const text = `${parts[0]}:${String(parts[1]).padStart(2, "0")}`;
  return whole < 3600 ? text : `${Math.floor(whole / 3600)}:${text.padStart(5, "0")}`;
}

function spoken(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} seconds` : `${Math.floor(whole / 60)} minutes ${whole % 60} seconds`;
}

function tenths(seconds) { return `${clock(seconds)}.${Math.floor((seconds % 1) * 10 + 1e-6)}`; }

function say(text) { $("said").textContent = text; }

function put(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

function make(name, text, properties) {
  const element = document.createElement(name);
  element.textContent = text;
  return Object.assign(element, properties);
}

// --- what went wrong -------------------------------------------------------------------------------------------------

// Our errors read `code: what happened. Next: what to do.`
function readable(text) {
  const [what, next] = text.replace(/^[a-z_]+: /, "").split(/\s*\bNext: /);
  return [what.charAt(0).toUpperCase() + what.slice(1), next ? `Next: ${next}` : ""];
}

function trouble(text, again) {
  const [what, next] = readable(text);
  $("trouble").hidden = false;
  $("trouble-what").textContent = what;
  $("trouble-next").textContent = next;
  if (!state.view) put("facts", "");
  $("again").hidden = !again;
  $("again").onclick = () => { $("trouble").hidden = true; again(); };
  settled();
}

function settled() { $("player").setAttribute("aria-busy", "false"); }

// --- a task ----------------------------------------------------------------------------------------------------------

function show(view) {
  const turn = ++state.turn;
  state.view = view;
  $("trouble").hidden = $("joins-box").hidden = true;
  put("title", titleOf(view));
  put("facts", factsOf(view));
  chip(view.status);
  notes(view);
  working(view);
  if (WORKING.includes(view.status)) {
    $("deck").hidden = true;
    settled();
    return follow(turn, view.task_id);
  }
  if (view.error && !DONE.includes(view.status)) return trouble(`${view.error.code}: ${view.error.message} Next: ${view.error.hint}`);
  if (view.clips.some((clip) => clip.seams_total > clip.seams.length)) return allJoins(turn, view);
  if (!view.clips.length) return trouble(`${view.status === "unknown" ? "Nobody knows yet whether this was made." : "There is nothing to hear."} Next: ${view.next}`);
  deck(view);
}

function titleOf(view) {
  const clip = view.clips[state.wanted] || view.clips[0];
  const place = (clip && clip.file) || view.source.ref;
  const name = place.split(/[\\/]/).pop().replace(/\.[a-z0-9]{2,5}$/i, "").replace(/ \(extended [0-9a-f]{6}\)/, "");
  return (clip && clip.title) || name || view.task_id;
}

function factsOf(view) {
  const before = view.source.duration_seconds, after = view.audio && view.audio.duration_seconds;
  const length = after ? (before ? `${clock(before)} → ${clock(after)}` : clock(after)) : "";
  return [`Provider ${view.provider}`, length, creditsOf(view.credits)].filter(Boolean).join(" · ");
}

function creditsOf(credits) {
  const amount = (number) => inWords(number, credits.unit);
  const back = credits.refunded ? `, ${amount(credits.refunded).replace(/ credits$/, "")} refunded` : "";
  if (credits.charged) return `${amount(credits.charged)}${back}`;
  if (credits.charged === null) return `up to ${amount(credits.quoted)}, not known exactly`;
  return credits.quoted ? `quoted ${amount(credits.quoted)}${back}` : "free";
}

function inWords(number, unit) {
  if (unit !== "usd") return `${number} credits`;
  return `$${number.toFixed(6).replace(/(\.\d\d\d*?)0*$/, "$1")}`;
}

function chip(status) {
  const kinds = { succeeded: "done", queued: "busy", running: "busy", failed: "failed", unknown: "failed" };
  const names = { succeeded: "Done", partial: "Partly done", queued: "Waiting", running: "Being made", failed: "Failed", cancelled: "Cancelled", unknown: "Not known" };
  $("status").className = `chip ${kinds[status] || ""}`;
  put("status", names[status] || status);
}

function notes(view) {
  const said = [...(view.status === "partial" && view.error ? [`It stopped: ${view.error.message}`] : []), ...(view.warnings || [])];
  $("warnings").replaceChildren(...said.map((text) => make("li", text)));
  $("warnings").hidden = !said.length;
}

function working(view) {
  const shown = WORKING.includes(view.status), { fraction, message, elapsed_seconds: elapsed, expected_seconds: expected } = view.progress;
  $("work").hidden = !shown;
  if (!shown) return;
  const told = fraction !== null && fraction !== undefined;
  $("bar").classList.toggle("unknown", !told);
  $("bar").firstElementChild.style.width = told ? `${Math.round(fraction * 100)}%` : "";
  if (told) $("bar").setAttribute("aria-valuenow", Math.round(fraction * 100));
  else $("bar").removeAttribute("aria-valuenow");
  const about = expected ? ` of about ${Math.round(expected)} s` : "";
  $("work-words").textContent = `${message || "Waiting"} · ${Math.round(elapsed)} s${about}`;
}

// A result in a conversation names the least sure joins only.
async function allJoins(turn, view) {
  const whole = await bridge.whole(view.task_id, state.wanted).catch(() => null);
  if (turn === state.turn) whole ? show(whole) : deck(view);
}

// Ask until it is finished; another task that is shown meanwhile ends this.
async function follow(turn, id) {
  await pause(bridge.local ? 2 : 1);
  if (turn !== state.turn) return;
  try {
    const view = await bridge.task(id, POLL_SECONDS);
    if (turn !== state.turn) return;
    if (!WORKING.includes(view.status)) say(DONE.includes(view.status) ? "Finished. Press play to hear it." : "It has ended.");
    show(view);
  } catch (error) {
    if (turn === state.turn) trouble(error.message, () => show(state.view));
  }
}

// --- what there is to hear -------------------------------------------------------------------------------------------

function deck(view) {
  const takes = view.clips.map((clip, index) => ({
    key: String(index), which: String(index), clip, name: view.clips.length > 1 ? `Take ${index + 1}` : "After",
    seconds: clip.duration_seconds || 0, joins: (clip.seams || []).map((seam) => seam.at),
  }));
  state.versions = [{ key: "source", which: "source", clip: null, name: "Before", seconds: view.source.duration_seconds || 0, joins: [] }, ...takes];
  const buttons = state.versions.map((version) => {
    const button = make("button", version.name, { type: "button", onclick: () => choose(version) });
    button.setAttribute("role", "radio");
    version.button = button;
    return button;
  });
  $("versions").replaceChildren(...buttons);
  $("deck").hidden = false;
  state.version = null;
  choose(takes[state.wanted] || takes[0]);
}

// Where the same music is: before and after share it up to each join, and from where the join leads.
function elsewhere(seconds, from, to) {
  if (!from || (from.clip && to.clip)) return seconds;
  const seams = ((from.clip || to.clip).seams || []).slice().sort((a, b) => a.at - b.at);
  if (from.clip) {
    const last = seams.filter((seam) => seam.at <= seconds).pop();
    return last ? last.to + (seconds - last.at) : seconds;
  }
  return from.left !== undefined && Math.abs(from.came - seconds) < 0.5 ? from.left : seconds;
}

async function choose(version) {
  const from = state.version, turn = state.turn;
  if (from === version) return;
  const at = sound.time;
  const target = elsewhere(at, from, version);
  if (!version.clip && from) Object.assign(version, { left: at, came: Math.min(target, version.seconds || target) });
  state.version = version;
  if (version.clip) state.take = version;
  if (from) say("");
  for (const one of state.versions) {
    one.button.setAttribute("aria-checked", String(one === version));
    one.button.tabIndex = one === version ? 0 : -1;
  }
  state.chosen = -1;
  listJoins(version);
  $("loading").hidden = false;
  try {
    const known = await sound.load(`${state.view.task_id}/${version.key}`, version.seconds, () => bridge.audio(state.view.task_id, version.which));
    if (turn !== state.turn || state.version !== version) return;
    sound.use(known.buffer, target);
    wave.show(known.buffer, version.joins);
    $("play").disabled = false;
    put("preview", known.preview.replace(/; the original has ([\d.]+ MB): .*$/, "; the original has $1."));
    whereOf(version);
    if (from) say(`${version.name}, from ${clock(sound.time)}`);
  } catch (error) {
    if (turn !== state.turn || state.version !== version) return;
    if (from && sound.buffer) {
      version.button.disabled = true;
      version.button.title = error.message;
      state.version = null;
      await choose(from);
      return say(`${version.name}: ${readable(error.message).join(" ")}`);
    }
    trouble(error.message, () => { state.version = null; choose(version); });
  } finally {
    if (state.version === version) $("loading").hidden = true;
  }
  settled();
  render();
}

function whereOf(version) {
  const place = version.clip ? version.clip.file || version.clip.url || "" : state.view.source.ref;
  $("where").replaceChildren("File: ", make("code", place));
  if (bridge.original) $("where").append(" · ", make("a", "Open the original", { href: bridge.original(state.view.task_id, version.which), target: "_blank", rel: "noreferrer" }));
  $("where").hidden = !place;
}

// --- joins -----------------------------------------------------------------------------------------------------------

function sureOf(seam) {
  const percent = Math.round(seam.confidence * 100);
  return `${percent >= 80 ? "hard to hear" : percent >= 50 ? "may be heard" : "likely to be heard"} · ${percent} % sure`;
}

function listJoins(version) {
  const seams = version.clip ? version.clip.seams || [] : [];
  const rows = seams.slice(0, MOST_LISTED).map((seam, index) => {
    const row = document.createElement("li");
    const listen = make("button", "Listen", { type: "button", onclick: () => toJoin(index, true) });
    listen.setAttribute("aria-label", `Listen to join ${index + 1} at ${spoken(seam.at)}`);
    row.append(make("span", tenths(seam.at), { className: "at" }), make("span", sureOf(seam), { className: "sure" }), listen);
    if (state.view.provider === "local") {
      const bad = make("button", "This join is bad", { type: "button", onclick: () => without(seam, bad) });
      bad.setAttribute("aria-label", `Join ${index + 1} at ${spoken(seam.at)} is bad: make it again without it`);
      row.append(bad);
    }
    return row;
  });
  if (seams.length > MOST_LISTED) rows.push(make("li", `and ${seams.length - MOST_LISTED} more: press J for each next one`, { className: "more" }));
  $("joins").replaceChildren(...rows);
  put("joins-title", seams.length === 1 ? "1 join" : `${seams.length} joins`);
  $("joins-box").hidden = !seams.length;
  $("previous").disabled = $("next").disabled = !seams.length;
}

function toJoin(index, playing) {
  const at = state.version.joins[index];
  if (at === undefined) return say("There is no further join.");
  state.chosen = index;
  sound.seek(at - BEFORE_JOIN);
  if (playing) sound.play();
  say(`Join ${index + 1} of ${state.version.joins.length}, at ${clock(at)}`);
  render();
}

// From where one is heard 3 s before it, that one is the present one.
function nextJoin(step) {
  const joins = state.version.joins, now = sound.time + BEFORE_JOIN;
  if (step > 0) {
    const index = joins.findIndex((at, one) => at > now + 0.2 && one !== state.chosen);
    return toJoin(index < 0 ? joins.length : index, true);
  }
  const earlier = joins.filter((at) => at < now - 0.7).length - 1;
  toJoin(earlier < 0 ? 0 : earlier, true);
}

async function without(seam, button) {
  const { view, version } = state;
  button.disabled = true;
  say(`Asking for another version without the join at ${clock(seam.at)} …`);
  // The result itself as source: the server knows what it was made from, and what was asked for.
  const args = { source: version.clip.clip, provider: view.provider, options: { avoid: [Math.round(seam.at * 100) / 100] } };
  try {
    const result = await bridge.call("extend_track", args);
    const next = result.structuredContent;
    say(result.isError ? readable(wordsOf(result)).join(" ") : wordsOf(result));
    if (result.isError || !next || !next.task_id) return;
    sound.stop();
    state.wanted = 0;
    show(next);
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

// --- playing ---------------------------------------------------------------------------------------------------------

function toggle() {
  sound.playing ? sound.stop() : sound.play();
  render();
}

function render() {
  const time = sound.time;
  wave.draw(time, state.chosen);
  $("play-icon").setAttribute("d", sound.playing ? ICONS.pause : ICONS.play);
  $("play").setAttribute("aria-label", sound.playing ? "Pause" : "Play");
  $("time").replaceChildren(make("b", clock(time)), ` / ${clock(sound.duration)}`);
  $("wave").setAttribute("aria-valuemax", Math.round(sound.duration));
  $("wave").setAttribute("aria-valuenow", Math.round(time));
  $("wave").setAttribute("aria-valuetext", `${spoken(time)} of ${spoken(sound.duration)}`);
  [...$("joins").children].forEach((row, index) => row.classList.toggle("here", index === state.chosen));
  if (sound.playing && !state.asked) {
    state.asked = true;
    requestAnimationFrame(() => { state.asked = false; render(); });
  }
}

function secondsAt(event) {
  const box = $("wave").getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * sound.duration;
}

function listen() {
  $("play").onclick = toggle;
  $("previous").onclick = () => nextJoin(-1);
  $("next").onclick = () => nextJoin(1);
  const seek = (event) => { state.chosen = -1; sound.seek(secondsAt(event)); render(); };
  $("wave").onpointerdown = (event) => { $("wave").setPointerCapture(event.pointerId); seek(event); };
  $("wave").onpointermove = (event) => {
    if (event.buttons) seek(event);
    $("hover").hidden = !sound.buffer;
    $("hover").textContent = clock(secondsAt(event));
    $("hover").style.left = `${event.clientX - $("wave").parentNode.getBoundingClientRect().left}px`;
  };
  $("wave").onpointerleave = () => { $("hover").hidden = true; };
  addEventListener("keydown", onKey);
  addEventListener("resize", render);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("deck").hidden) return;
  const onButton = event.target.tagName === "BUTTON" || event.target.tagName === "A";
  const inVersions = event.target.getAttribute && event.target.getAttribute("role") === "radio";
  const step = event.shiftKey ? 1 : STEP;
  const actions = {
    " ": () => !onButton && toggle(),
    ArrowRight: () => (inVersions ? turnVersion(1) : sound.seek(sound.time + step)),
    ArrowLeft: () => (inVersions ? turnVersion(-1) : sound.seek(sound.time - step)),
    Home: () => sound.seek(0),
    End: () => sound.seek(sound.duration - STEP),
    j: () => nextJoin(1),
    k: () => nextJoin(-1),
    b: () => choose(state.version.clip ? state.versions[0] : state.take),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const take = /^[1-9]$/.test(key) ? state.versions[Number(key)] : null;
  const act = actions[key] || (take && (() => choose(take)));
  if (!act || act() === false) return;
  event.preventDefault();
  render();
}

function turnVersion(step) {
  const usable = state.versions.filter((one) => !one.button.disabled);
  const next = usable[(usable.indexOf(state.version) + step + usable.length) % usable.length];
  next.button.focus();
  choose(next);
}

// --- the host --------------------------------------------------------------------------------------------------------

function dress(context) {
  const root = document.documentElement;
  if (context.theme) root.dataset.theme = context.theme;
  if (context.locale) root.dataset.locale = context.locale;
  for (const [name, value] of Object.entries((context.styles || {}).variables || {})) {
    if (value && /^--[a-z0-9-]+$/.test(name)) root.style.setProperty(name, value);
  }
  render();
}

const hears = {
  context: dress,
  input(args) { state.wanted = Number.isInteger(args.index) ? args.index : 0; state.asked_for = args.task_id; },
  result(result) {
    const view = result.structuredContent;
    if (view && view.task_id && view.clips) return show(view);
    const words = wordsOf(result);
    if (result.isError || !state.asked_for) return trouble(words || "There is nothing to show.");
    bridge.task(state.asked_for, 0).then(show, (error) => trouble(error.message));
  },
  cancelled(told) { trouble(told.reason ? `The call was stopped: ${told.reason}` : "The call was stopped before it had a result."); },
  leave() { sound.stop(); },
};

const bridge = parent === window ? new PageBridge(hears) : new HostBridge(hears);
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
put("title", "Fermata");
put("facts", "Waiting for the track …");
listen();
bridge.start().catch((error) => trouble(error.message, () => location.reload()));
