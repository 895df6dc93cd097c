// The player as a page of the server itself.
//
// node player_page.mjs '{"task_id": …, "pictures": FOLDER}' ADDRESS
import { loudness, openBrowser, openPage, rows, secondsOf, text } from "./browser.mjs";
import { main } from "./session.mjs";

const [given, base] = process.argv.slice(2);
const { task_id: taskId, pictures } = JSON.parse(given);

async function heard(browser, colorScheme) {
  const { page, wrong } = await openPage(browser, { colorScheme });
  await page.goto(`${base}/player/${taskId}`);
  await page.locator("#play:not([disabled])").waitFor();
  await page.screenshot({ path: `${pictures}/page-${colorScheme}.png`, fullPage: true });
  const seen = { theme: await page.evaluate(() => document.documentElement.dataset.theme), joins: await rows(page, "#joins li") };
  await page.locator("#play").click();
  seen.loud = await loudness(page);
  await page.locator("body").press("j");
  seen.at_join = await secondsOf(page);
  await page.locator("body").press("b");
  await page.waitForFunction(() => /^Before/.test(document.getElementById("said").textContent));
  seen.before = await text(page, "[aria-checked=true]");
  await page.locator("body").press("b");
  await page.waitForFunction(() => /^After/.test(document.getElementById("said").textContent));
  await page.locator("#joins button:has-text('bad')").first().click();
  await page.waitForFunction(() => /\./.test(document.getElementById("said").textContent) && !/^Asking/.test(document.getElementById("said").textContent));
  seen.answer = await text(page, "#said");
  seen.original = await page.locator("#where a").getAttribute("href");
  const ours = (one) => one.startsWith(`asked for ${base}/`);
  seen.asked = wrong.filter(ours).map((one) => one.slice("asked for ".length + base.length));
  seen.wrong = wrong.filter((one) => !ours(one));
  return seen;
}

async function lost(browser) {
  const { page } = await openPage(browser);
  const answer = await page.goto(`${base}/player/tsk_${"0".repeat(32)}`);
  return { status: answer.status(), words: await text(page, "body") };
}

await main(async () => {
  const browser = await openBrowser();
  const seen = { light: await heard(browser, "light"), dark: await heard(browser, "dark"), lost: await lost(browser) };
  await browser.close();
  return seen;
});
