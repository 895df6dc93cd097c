// The two ways to the server: through the host that shows this page (MCP Apps), or straight, as a page of the server.

const PROTOCOL = "2026-01-26";

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes.buffer;
}

// Through the host: JSON-RPC by postMessage. `hears` has context, input, result and cancelled.
class HostBridge {
  constructor(hears) {
    this.hears = hears;
    this.waiting = new Map();
    this.last = 0;
    this.local = false;
    addEventListener("message", (event) => event.source === parent && this.take(event.data));
  }

  async start() {
    const told = await this.ask("ui/initialize", {
      protocolVersion: PROTOCOL,
      appInfo: { name: "fermata-player", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    this.can = told.hostCapabilities || {};
    this.hears.context(told.hostContext || {});
    this.post({ method: "ui/notifications/initialized", params: {} });
    const size = () => {
      const { width, height } = document.getElementById("player").getBoundingClientRect();
      this.post({ method: "ui/notifications/size-changed", params: { width: Math.ceil(width), height: Math.ceil(height) } });
    };
    new ResizeObserver(size).observe(document.getElementById("player"));
  }

  post(message) {
    parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }

  ask(method, params) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.post({ id, method, params });
    });
  }

  take(message) {
    if (!message || message.jsonrpc !== "2.0") return;
    if (message.method === undefined) return this.settle(message);
    switch (message.method) {
      case "ui/notifications/tool-input": return this.hears.input(message.params.arguments || {});
      case "ui/notifications/tool-result": return this.hears.result(message.params);
      case "ui/notifications/tool-cancelled": return this.hears.cancelled(message.params || {});
      case "ui/notifications/host-context-changed": return this.hears.context(message.params || {});
      case "ui/resource-teardown": this.hears.leave();
    }
    if (message.id === undefined) return;
    const known = message.method === "ui/resource-teardown" || message.method === "ping";
    this.post(known ? { id: message.id, result: {} }
      : { id: message.id, error: { code: -32601, message: "not known here" } });
  }

  settle({ id, result, error }) {
    const wait = this.waiting.get(id);
    this.waiting.delete(id);
    if (wait) error ? wait.reject(new ServerError(error.message)) : wait.resolve(result);
  }

  call(name, args) {
    if (!this.can.serverTools) throw new ServerError("This host lets no view call tools. Ask in the conversation instead.");
    return this.ask("tools/call", { name, arguments: args });
  }

  async told(name, args) {
    const result = await this.call(name, args);
    if (!result.structuredContent) throw new ServerError(wordsOf(result));
    return result.structuredContent;
  }

  task(id, waitSeconds) {
    return this.told("get_task", { task_id: id, wait_seconds: waitSeconds });
  }

  whole(id, index) {
    return this.told("play_track", { task_id: id, index });
  }

  async audio(id, which) {
    if (!this.can.serverResources) throw new ServerError("This host lets no view read audio. Open the file instead.");
    const { contents } = await this.ask("resources/read", { uri: `fermata://tasks/${id}/audio/${which}` });
    const preview = (contents[0]._meta || {})["fermata/preview"];
    return { bytes: bytesOf(contents[0].blob), preview: preview ? preview.words : "" };
  }
}

// Straight: this page was given out by the server itself, at /player/{task_id}.
class PageBridge {
  constructor(hears) {
    this.hears = hears;
    this.local = true;
    this.base = location.pathname.replace(/\/player\/.*$/, "");
  }

  async start() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const theme = () => this.hears.context({ theme: dark.matches ? "dark" : "light" });
    dark.addEventListener("change", theme);
    theme();
    const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
    this.hears.input({ task_id: id, index: Number(new URLSearchParams(location.search).get("index")) || 0 });
    this.hears.result({ structuredContent: await this.task(id) });
  }

  async get(path) {
    const answer = await fetch(this.base + path).catch(() => { throw new ServerError("The server does not answer. Is it running?"); });
    if (!answer.ok) throw new ServerError(await answer.text());
    return answer;
  }

  async task(id) {
    return (await this.get(`/player/${id}/task`)).json();
  }

  whole(id) {
    return this.task(id);
  }

  async audio(id, which) {
    const answer = await this.get(`/player/${id}/audio/${which}`);
    return { bytes: await answer.arrayBuffer(), preview: decodeURIComponent(answer.headers.get("x-fermata-preview") || "") };
  }

  original(id, which) {
    return `${this.base}/player/${id}/file/${which}`;
  }

  call(name, args) {
    return askServer(this.base, "tools/call", { name, arguments: args });
  }
}
