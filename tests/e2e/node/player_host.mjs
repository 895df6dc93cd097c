// A host as hosts are: the official AppBridge, a sandboxed frame, a policy that forbids everything from outside.
//
// node player_host.mjs '{"source": …, "add_seconds": …, "slow": …, "pictures": FOLDER}' COMMAND [ARGUMENT…]
import { AppBridge } from "@modelcontextprotocol/ext-apps/app-bridge";
import { Client } from "@modelcontextprotocol/client";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { loudness, openBrowser, openPage, rows, secondsOf, text } from "./browser.mjs";
import { main, serverEnvironment } from "./session.mjs";

const [given, command, ...args] = process.argv.slice(2);
const { source, add_seconds, slow, pictures } = JSON.parse(given);
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";
const VARIABLES = { dark: { "--color-background-primary": "rgb(20, 24, 28)" }, light: {} };

// What is on its way when a page is closed has nobody to reach.
const closed = (error) => { if (!/has been closed/.test(String(error))) throw error; };

async function connected() {
  const extensions = { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } };
  const client = new Client({ name: "app-host", version: "1" }, { capabilities: { extensions }, versionNegotiation: { mode: "auto" } });
  const env = { ...getDefaultEnvironment(), ...serverEnvironment() };
  await client.connect(new StdioClientTransport({ command, args, env }));
  return client;
}

/** The view in a frame of a page, and a bridge between it and the server. `sent` is all that the view said. */
async function shown(browser, client, html, { theme = "light", width = 760, capabilities = { serverTools: {}, serverResources: {} } } = {}) {
  const { page, wrong } = await openPage(browser, { viewport: { width, height: 640 } });
  const sent = [];
  const transport = {
    start: async () => {},
    close: async () => {},
    send: (message) => page.evaluate((one) => document.querySelector("iframe").contentWindow.postMessage(one, "*"), message).catch(closed),
  };
  const bridge = new AppBridge(client, { name: "host", version: "1" }, capabilities, { hostContext: { theme, styles: { variables: VARIABLES[theme] } } });
  const ready = new Promise((resolve) => { bridge.oninitialized = resolve; });
  bridge.onsizechange = ({ height }) => page.evaluate((tall) => { document.querySelector("iframe").style.height = `${tall}px`; }, height).catch(closed);
  await bridge.connect(transport);
  await page.exposeFunction("toBridge", (message) => { sent.push(message); transport.onmessage?.(message); });
  await page.setContent("<style>body{margin:0}iframe{border:0;width:100%;height:620px}</style>");
  await page.evaluate(([view, policy]) => {
    const frame = document.createElement("iframe");
    addEventListener("message", (event) => event.source === frame.contentWindow && window.toBridge(event.data));
    frame.sandbox = "allow-scripts";
    frame.srcdoc = view.replace("<head>", `<head><meta http-equiv="Content-Security-Policy" content="${policy}">`);
    document.body.append(frame);
  }, [html, POLICY]);
  await ready;
  const frame = page.frames().find((one) => one !== page.mainFrame());
  return { page, frame, bridge, sent, wrong, picture: (name) => page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true }) };
}

async function given_to(view, client, name, toolArguments) {
  await view.bridge.sendToolInput({ arguments: toolArguments });
  await view.bridge.sendToolResult(await client.callTool({ name, arguments: toolArguments }));
}

const playable = (frame) => frame.locator("#play:not([disabled])").waitFor();

async function finished(browser, client, html, taskId) {
  const view = await shown(browser, client, html);
  const { frame } = view;
  await given_to(view, client, "play_track", { task_id: taskId });
  await playable(frame);
  const seen = { title: await text(frame, "h1"), facts: await text(frame, "#facts"), status: await text(frame, "#status") };
  seen.versions = await rows(frame, "#versions button");
  seen.joins = await rows(frame, "#joins li");
  seen.nameless = await frame.evaluate(() => [...document.querySelectorAll("button, [role], canvas")]
    .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.getAttribute("role") === "status" || one.hidden)).length);
  await view.picture("light");
  await frame.locator("#play").click();
  seen.loud = await loudness(frame);
  await frame.waitForFunction(() => document.getElementById("wave").getAttribute("aria-valuenow") > 0);
  await frame.locator("body").press("j");
  seen.at_join = await secondsOf(frame);
  seen.told_join = await text(frame, "#said");
  await frame.locator("#play").click();
  await frame.locator("body").press("b");
  await frame.waitForFunction(() => /^Before/.test(document.getElementById("said").textContent));
  await frame.locator("#play").click();
  seen.before = { checked: await text(frame, "[aria-checked=true]"), loud: await loudness(frame), time: await text(frame, "#time") };
  await frame.locator("body").press("b");
  await frame.waitForFunction(() => /^After/.test(document.getElementById("said").textContent));
  seen.after = { checked: await text(frame, "[aria-checked=true]"), time: await text(frame, "#time") };
  await frame.locator("body").press(" ");
  await frame.locator("#wave").focus();
  const before = await secondsOf(frame);
  await frame.locator("#wave").press("Home");
  await frame.locator("#wave").press("ArrowRight");
  seen.arrow = { before, after: await secondsOf(frame), spoken: await frame.locator("#wave").getAttribute("aria-valuetext") };
  await frame.locator("#joins button:has-text('bad')").first().click();
  await frame.waitForFunction(() => !/^Asking/.test(document.getElementById("said").textContent) && document.querySelector("#joins button:disabled") === null);
  seen.asked = view.sent.filter((one) => one.method === "tools/call").map((one) => one.params);
  seen.answer = await text(frame, "#said");
  seen.read = view.sent.filter((one) => one.method === "resources/read").map((one) => one.params.uri);
  await view.picture("bad-join");
  seen.wrong = view.wrong;
  return seen;
}

async function looks(browser, client, html, taskId) {
  const seen = {};
  for (const [name, options] of Object.entries({ dark: { theme: "dark" }, narrow: { width: 320 }, "dark-narrow": { theme: "dark", width: 360 } })) {
    const view = await shown(browser, client, html, options);
    await given_to(view, client, "play_track", { task_id: taskId });
    await playable(view.frame);
    await view.picture(name);
    seen[name] = await view.frame.evaluate(() => ({
      back: getComputedStyle(document.documentElement).backgroundColor,
      theme: document.documentElement.dataset.theme,
      overflows: document.documentElement.scrollWidth > innerWidth,
    }));
    if (name === "dark") {
      view.bridge.setHostContext({ theme: "light", styles: { variables: { "--color-background-primary": "rgb(255, 255, 255)" } } });
      await view.frame.waitForFunction(() => document.documentElement.dataset.theme === "light");
    }
    seen[name].wrong = view.wrong;
  }
  return seen;
}

async function running(browser, client, html) {
  const view = await shown(browser, client, html);
  const started = await client.callTool({ name: "extend_track", arguments: { source: slow, add_seconds: 30, wait_seconds: 0 } });
  const first = structuredClone(started);
  await view.bridge.sendToolInput({ arguments: { task_id: first.structuredContent.task_id } });
  await view.bridge.sendToolResult(first);
  await view.frame.locator("#work").waitFor();
  const seen = { status: await text(view.frame, "#status"), words: await text(view.frame, "#work-words") };
  await view.picture("running");
  await playable(view.frame);
  seen.after = { status: await text(view.frame, "#status"), said: await text(view.frame, "#said"), preview: await text(view.frame, "#preview") };
  await view.picture("preview");
  seen.asked = view.sent.filter((one) => one.method === "tools/call").map((one) => one.params.name);
  seen.wrong = view.wrong;
  return seen;
}

async function errors(browser, client, html, task) {
  const unknown = await shown(browser, client, html);
  await given_to(unknown, client, "play_track", { task_id: "tsk_" + "0".repeat(32) });
  await unknown.frame.locator("#trouble").waitFor();
  const seen = { unknown: await text(unknown.frame, "#trouble"), deck: await unknown.frame.locator("#deck").isVisible() };
  await unknown.picture("error");

  const deaf = await shown(browser, client, html, { capabilities: {} });
  await deaf.bridge.sendToolResult({ content: [], structuredContent: task });
  await deaf.frame.locator("#trouble").waitFor();
  seen.deaf = await text(deaf.frame, "#trouble");

  const hostile = await shown(browser, client, html);
  const clips = task.clips.map((clip) => ({ ...clip, title: "<img src=x onerror=window.hurt=1>" }));
  await hostile.bridge.sendToolResult({ content: [], structuredContent: { ...task, clips, warnings: ["<script>window.hurt=1</script>"] } });
  await playable(hostile.frame);
  seen.hostile = await hostile.frame.evaluate(() => ({ title: document.querySelector("h1").textContent, hurt: Boolean(window.hurt), images: document.images.length }));

  const takes = [0, 1].map((index) => ({ ...task.clips[0], clip: `${task.task_id}/${index}` }));
  const two = await shown(browser, client, html);
  await two.bridge.sendToolResult({ content: [], structuredContent: { ...task, clips: takes } });
  await playable(two.frame);
  seen.takes = await rows(two.frame, "#versions button");
  await two.frame.locator("text=Take 2").click();
  await two.frame.waitForFunction(() => /Take 2: /.test(document.getElementById("said").textContent));
  seen.missing_take = await text(two.frame, "#said");
  seen.wrong = [...unknown.wrong, ...deaf.wrong, ...hostile.wrong, ...two.wrong];
  return seen;
}

await main(async () => {
  const client = await connected();
  const browser = await openBrowser();
  const tool = (await client.listTools()).tools.find((one) => one.name === "play_track");
  const resource = (await client.readResource({ uri: tool._meta.ui.resourceUri })).contents[0];
  const made = await client.callTool({ name: "extend_track", arguments: { source, add_seconds, wait_seconds: 300 } });
  const task = made.structuredContent;
  const seen = { tool: tool._meta, mime: resource.mimeType, task };
  seen.finished = await finished(browser, client, resource.text, task.task_id);
  seen.looks = await looks(browser, client, resource.text, task.task_id);
  seen.running = await running(browser, client, resource.text);
  seen.errors = await errors(browser, client, resource.text, task);
  await browser.close();
  await client.close();
  return seen;
});
