// One's own tasks, and making a track longer. Whatever comes from elsewhere is set as text, never as markup.

const WORKING = ["queued", "running"];
const WORDS = {
  queued: "Waiting", running: "Being made", succeeded: "Done", partial: "Done in part", failed: "Failed",
  cancelled: "Stopped", unknown: "Unclear",
};
const LOOKS = { succeeded: "done", partial: "done", failed: "failed", unknown: "failed", queued: "busy", running: "busy" };
const BUSY_SECONDS = 2;
const IDLE_SECONDS = 15;
const A_PAGE = 20;

const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/+$/, "");
// `known` are the views of tasks by id; `shown` are their ids, newest first; `turn` ends the watch of who signed out.
const state = { known: new Map(), shown: [], cursor: null, turn: 0 };

function say(text) { $("said").textContent = text; }

function make(name, text, properties) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

// Our errors read `code: what happened. Next: what to do.`
function trouble(error) {
  const [what, next] = error.message.replace(/^[a-z_]+: /, "").split(/\s*\bNext: /);
  $("trouble").hidden = false;
  $("trouble-what").textContent = what.charAt(0).toUpperCase() + what.slice(1);
  $("trouble-next").textContent = next ? `Next: ${next}` : "";
  say("");
}

// Runs what a person asked for; what goes wrong is told, and a sign-in that has ended is asked for again.
function doing(work) {
  return async (event) => {
    event.preventDefault();
    $("trouble").hidden = true;
    try {
      await work(event);
    } catch (error) {
      if (error.status === 401 && $("sign-in").hidden) return ask(error);
      trouble(error);
    }
  };
}

// What a tool tells: a task that failed is one, too; a call that was refused is an error.
async function call(name, args) {
  const result = await askServer(base, "tools/call", { name, arguments: args });
  const told = result.structuredContent;
  if (!told || (result.isError && !told.task_id)) throw new ServerError(wordsOf(result));
  return { ...told, words: wordsOf(result) };
}

// --- who is here -----------------------------------------------------------------------------------------------------

async function talk(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) })
    .catch(() => { throw new ServerError("The server does not answer. Is it running?"); });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ServerError((told.error && told.error.message) || told.error || "The server refuses.", answer.status);
  return told;
}

function ask(error) {
  state.turn++;
  for (const id of ["longer", "tasks-box", "sign-out"]) $(id).hidden = true;
  $("sign-in").hidden = false;
  $("facts").textContent = "";
  $("home").setAttribute("aria-busy", "false");
  if (error && error.status !== 401) trouble(error);
  $("token").focus();
}

async function enter() {
  $("home").setAttribute("aria-busy", "true");
  const who = await talk("GET", "/session");
  state.known.clear();
  $("sign-in").hidden = true;
  for (const id of ["longer", "tasks-box"]) $(id).hidden = false;
  $("sign-out").hidden = !who.signed_in;
  const turn = ++state.turn;
  await Promise.all([listProviders(), tellMoney(who), refresh()]);
  $("home").setAttribute("aria-busy", "false");
  watch(turn);
}

async function tellMoney(who) {
  const money = await call("get_credits", {}).catch(() => null);
  const name = who.signed_in ? [who.name] : [];
  const spent = money ? [[money, "credits"], [money.usd, "usd"]].flatMap(([of, unit]) => spentToday(of, unit)) : [];
  $("facts").textContent = [...name, ...spent].join(" · ");
}

function spentToday(money, unit) {
  if (!money || !(money.spent_today || money.cap_today !== null)) return [];
  const cap = money.cap_today === null ? "" : ` of ${inWords(money.cap_today, unit).replace(/ credits$/, "")}`;
  return [`${inWords(money.spent_today, unit)} today${cap}`];
}

function inWords(number, unit) {
  if (unit !== "usd") return `${number} credits`;
  return `$${number.toFixed(6).replace(/(\.\d\d\d*?)0*$/, "$1")}`;
}

async function listProviders() {
  const { contents } = await askServer(base, "resources/read", { uri: "fermata://providers" });
  const told = JSON.parse(contents[0].text);
  const ready = told.providers.filter((one) => one.ready);
  $("provider").replaceChildren(
    make("option", "whatever suits it", { value: "" }),
    ...ready.map((one) => make("option", `${one.title} (${one.credits_per_extension.words})`, { value: one.name })),
  );
}

// --- making longer ---------------------------------------------------------------------------------------------------

function seconds(text) {
  const parts = text.trim().split(":").map(Number);
  if (!text.trim() || parts.length > 3 || parts.some((part) => !(part >= 0))) {
    throw new ServerError(`${text} is no length. Next: write minutes:seconds, as in 3:30.`);
  }
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

async function wish() {
  const length = seconds($("length").value);
  const source = await chosenSource();
  const given = Object.fromEntries([["provider", $("provider").value], ["prompt", $("prompt").value.trim()]].filter(([, value]) => value));
  const args = { source, wait_seconds: 0, ...given };
  return $("kind").value === "total"
    ? ["chain_extend", { ...args, target_seconds: length }]
    : ["extend_track", { ...args, add_seconds: length }];
}

// A file is sent once; asking for the price before does not send it again.
async function chosenSource() {
  const file = $("file").files[0];
  if (!file) {
    if ($("source").value.trim()) return $("source").value.trim();
    throw new ServerError("There is nothing to make longer. Next: choose a file, or write a link.");
  }
  if (state.sent && state.sent.file === file) return state.sent.upload;
  const place = await talk("POST", "/uploads", { name: file.name, size: file.size, resumable: true });
  await send(file, base + new URL(place.put_url).pathname + new URL(place.put_url).search);
  state.sent = { file, upload: place.upload };
  return place.upload;
}

function send(file, url) {
  const bar = $("sent");
  say(`Sending ${file.name} …`);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.onprogress = (event) => { bar.hidden = false; bar.value = event.total ? event.loaded / event.total : 0; };
    request.onloadend = () => {
      bar.hidden = true;
      say("");
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new ServerError(`${file.name} did not arrive whole. Next: try again.`));
    };
    request.send(file);
  });
}

async function price() {
  const [tool, args] = await wish();
  const { credits, provider, words } = await call(tool, { ...args, dry_run: true });
  const costs = credits && credits.quoted;
  say(costs ? words.split("\n").filter((line) => !/^Next:/.test(line)).join("\n") : `Nothing: ${provider} is free.`);
}

async function start() {
  const [tool, args] = await wish();
  const view = await call(tool, args);
  for (const id of ["file", "source", "prompt"]) $(id).value = "";
  state.sent = null;
  say(["It is begun, and goes on whether this page is open or not.", ...(view.warnings || [])].join("\n"));
  await refresh();
}

// --- the tasks -------------------------------------------------------------------------------------------------------

async function refresh() {
  const page = await call("list_tasks", { limit: A_PAGE });
  const newest = page.tasks.map((task) => task.task_id);
  const older = state.shown.filter((id) => !newest.includes(id) && state.known.has(id));
  if (!older.length) state.cursor = page.next_cursor;
  state.shown = [...newest, ...older];
  await know(page.tasks);
  render();
}

async function older() {
  const page = await call("list_tasks", { limit: A_PAGE, cursor: state.cursor });
  state.cursor = page.next_cursor;
  state.shown.push(...page.tasks.map((task) => task.task_id).filter((id) => !state.shown.includes(id)));
  await know(page.tasks);
  render();
}

// What is over stays as it is, but for its links, which are asked for when they are followed.
async function know(tasks) {
  const open = tasks.filter(({ task_id: id, status }) => {
    const before = state.known.get(id);
    return !before || before.status !== status || WORKING.includes(status);
  });
  const views = await Promise.all(open.map((task) => call("get_task", { task_id: task.task_id }).catch((error) => asIs(task, error))));
  for (const view of views) state.known.set(view.task_id, view);
}

// A failed task is told as an error that carries it; where it cannot be had, its row is what is known.
function asIs(task, error) {
  if (error.status === 401) throw error;
  return { ...task, said: error.message };
}

function render() {
  const rows = state.shown.map((id) => state.known.get(id)).filter(Boolean);
  $("none").hidden = rows.length > 0;
  $("older").hidden = !state.cursor;
  const items = new Map([...$("tasks").children].map((item) => [item.dataset.task, item]));
  $("tasks").replaceChildren(...rows.map((view) => sameOrNew(items.get(view.task_id), view)));
}

// A row that has not changed stays, so that whoever has it under their finger or their screen reader keeps it.
function sameOrNew(item, view) {
  const told = JSON.stringify([view.status, view.progress, view.credits, view.said]);
  if (item && item.dataset.told === told) return item;
  const fresh = row(view);
  Object.assign(fresh.dataset, { task: view.task_id, told });
  return fresh;
}

function row(view) {
  const item = make("li", "");
  const head = make("div", "", { className: "head" });
  head.append(make("span", nameOf(view), { className: "name" }), make("span", WORDS[view.status] || view.status, { className: `chip ${LOOKS[view.status] || ""}` }));
  item.append(head);
  if (WORKING.includes(view.status)) item.append(bar(view));
  item.append(make("p", factsOf(view), { className: "facts" }), links(view));
  return item;
}

function nameOf(view) {
  const source = view.source || "";
  const text = typeof source === "string" ? source : source.name || source.ref || "";
  return view.title || text.split("/").pop() || view.task_id;
}

function clock(total) {
  const whole = Math.round(total);
  const rest = `${Math.floor(whole / 60) % 60}:${String(whole % 60).padStart(2, "0")}`;
  return whole < 3600 ? rest : `${Math.floor(whole / 3600)}:${rest.padStart(5, "0")}`;
}

function factsOf(view) {
  const { credits, audio, progress, error } = view;
  const cost = !credits ? "" : credits.charged === null ? "cost not settled" : credits.charged ? inWords(credits.charged, credits.unit) : "";
  const length = audio && audio.duration_seconds ? clock(audio.duration_seconds) : "";
  const words = WORKING.includes(view.status) && progress ? progress.message : error ? `${error.message} ${error.hint || ""}` : view.said || "";
  const warned = (view.warnings || []).length ? `${view.warnings.length} notes` : "";
  return [length, view.provider, cost, warned, words].filter(Boolean).join(" · ");
}

function bar(view) {
  const fraction = view.progress && view.progress.fraction;
  const known = fraction !== null && fraction !== undefined;
  const box = make("div", "", { className: `bar${known ? "" : " unknown"}` });
  box.setAttribute("role", "progressbar");
  box.setAttribute("aria-label", `Progress of ${nameOf(view)}`);
  if (known) box.setAttribute("aria-valuenow", Math.round(100 * fraction));
  const inner = make("i", "");
  if (known) inner.style.width = `${100 * fraction}%`;
  box.append(inner);
  return box;
}

function links(view) {
  const box = make("div", "", { className: "row" });
  const id = view.task_id;
  if (view.audio) {
    box.append(
      make("a", "Listen", { href: `${base}/player/${id}` }),
      make("a", "Download", { href: `${base}/player/${id}/file/0`, download: "" }),
      button("Longer still", () => { $("source").value = id; $("file").value = ""; $("length").focus(); }),
    );
  }
  if (WORKING.includes(view.status)) {
    box.append(button("Stop", async () => { state.known.set(id, await call("cancel_task", { task_id: id })); render(); }));
  }
  for (const control of box.children) control.setAttribute("aria-label", `${control.textContent}: ${nameOf(view)}`);
  return box;
}

function button(words, work) {
  const made = make("button", words, { type: "button" });
  made.addEventListener("click", doing(work));
  return made;
}

async function watch(turn) {
  while (turn === state.turn) {
    const busy = [...state.known.values()].some((view) => WORKING.includes(view.status));
    await new Promise((resolve) => setTimeout(resolve, 1000 * (busy ? BUSY_SECONDS : IDLE_SECONDS)));
    if (turn !== state.turn || document.hidden) continue;
    try {
      await refresh();
      $("trouble").hidden = true;
    } catch (error) {
      if (error.status === 401) return ask(error);
      trouble(error);
    }
  }
}

// --- begin -----------------------------------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", theme);
theme();
$("sign-in").addEventListener("submit", doing(async () => {
  await talk("POST", "/session", { token: $("token").value.trim() });
  $("token").value = "";
  await enter();
}));
$("sign-out").addEventListener("click", doing(async () => { await talk("DELETE", "/session"); ask(); }));
$("longer").addEventListener("submit", doing(start));
$("price").addEventListener("click", doing(price));
$("older").addEventListener("click", doing(older));
$("source").addEventListener("input", () => { if ($("source").value) $("file").value = ""; });
enter().catch(ask);
