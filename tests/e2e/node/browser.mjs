// A Chromium without a window: the one that is set, else that of the packages.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import chromium from "@sparticuz/chromium";
import { chromium as driver } from "playwright-core";

// What a page plays also goes to an analyser, so that a test can tell whether there is sound.
function hearWhatPlays() {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...more) {
    if (target instanceof AudioDestinationNode && !(this.context instanceof OfflineAudioContext)) {
      window.heard = window.heard || this.context.createAnalyser();
      connect.call(this, window.heard);
    }
    return connect.call(this, target, ...more);
  };
}

// It is unpacked to the folder for temporary files: to one of ours, once, when it is installed.
async function unpacked() {
  const usual = process.env.TMPDIR;
  process.env.TMPDIR = fileURLToPath(new URL("node_modules/.chromium", import.meta.url));
  mkdirSync(process.env.TMPDIR, { recursive: true });
  try {
    return await chromium.executablePath();
  } finally {
    usual === undefined ? delete process.env.TMPDIR : (process.env.TMPDIR = usual);
  }
}

export async function openBrowser() {
  const executablePath = process.env.FERMATA_CHROMIUM || (await unpacked());
  return driver.launch({ executablePath, args: ["--no-sandbox", "--headless=shell"], headless: true });
}

// Run by itself it tells whether there is a browser that starts here.
if (process.argv[1] === fileURLToPath(import.meta.url)) await (await openBrowser()).close();

/** A page of its own, what goes wrong in it, and what it asked for from elsewhere. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 760, height: 640 }, deviceScaleFactor: 2, ...options });
  await context.addInitScript(hearWhatPlays);
  context.setDefaultTimeout(0); // the whole has a deadline; that a machine is slow is no failure
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("request", (request) => /^(https?|wss?):/.test(request.url()) && wrong.push(`asked for ${request.url()}`));
  return { page, wrong };
}

/** The loudest sample that is playing, once there is one. */
export function loudness(frame) {
  return frame.waitForFunction(() => {
    if (!window.heard) return 0;
    const samples = new Float32Array(window.heard.fftSize);
    window.heard.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  }).then((handle) => handle.jsonValue());
}

export const secondsOf = async (frame) => Number(await frame.locator("#wave").getAttribute("aria-valuenow"));

export const text = (frame, selector) => frame.locator(selector).innerText();

export const rows = (frame, selector) => frame.locator(selector).allInnerTexts();
