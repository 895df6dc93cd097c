// A listener who answers every pair of the blind test by keyboard, goes back once, and saves. Prints what was saved.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { openBrowser, openPage, text } from "./browser.mjs";

const { page: file, choices } = JSON.parse(process.argv[2]);
const browser = await openBrowser();
const { page, wrong } = await openPage(browser, { acceptDownloads: true });
await page.goto(pathToFileURL(file).href);

const press = (key) => page.keyboard.press(key);
const plays = (side) => page.waitForFunction((side) => !sounds[side].paused && sounds[side].currentTime > 0, side);
const where = () => text(page, "#where");

async function listenToBoth() {
  await press("ArrowLeft");
  await plays(0);
  await press("ArrowRight");
  await plays(1);
}

await press("1");
const tooEarly = await where();
await press("ArrowLeft"); // quicker than any sound begins
await press("ArrowRight");
for (const choice of choices) {
  await listenToBoth();
  await press(choice);
}
const done = await where();
await press(" ");
await page.waitForFunction(() => sounds.some((sound) => !sound.paused));
await press(" ");
const silent = await page.evaluate(() => sounds.every((sound) => sound.paused));
await press("ArrowUp");
const before = await where();
const kept = await page.locator("[id^=choose][aria-pressed=true]").getAttribute("id");
await press("ArrowDown");
await page.locator("#listener").fill("1 2 0");
const [saved] = await Promise.all([page.waitForEvent("download"), page.locator("#save").click()]);
const told = { tooEarly, done, silent, before, kept, after: await where(), wrong };
console.log(JSON.stringify({ ...told, name: saved.suggestedFilename(), saved: JSON.parse(readFileSync(await saved.path())) }));
await browser.close();
