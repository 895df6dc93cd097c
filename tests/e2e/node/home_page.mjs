// The page for people, used by two of them: signs in, uploads, makes a track longer, hears it, signs out.
//
// node home_page.mjs '{"tokens": [ANN, BEN], "file": PATH, "length": "0:20", "pictures": FOLDER}' ADDRESS
import { openBrowser, openPage, rows, text } from "./browser.mjs";
import { main } from "./session.mjs";

const [given, base] = process.argv.slice(2);
const { tokens, file, length, pictures } = JSON.parse(given);

const namelessOf = (page) => page.evaluate(() => [...document.querySelectorAll("button, input, select, progress, [role]")]
  .filter((one) => !one.closest("[hidden]"))
  .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || (one.labels && one.labels.length) || one.getAttribute("role") === "status"))
  .map((one) => one.outerHTML));

const settled = (page) => page.locator("main[aria-busy=false]").waitFor();
const told = (page) => page.waitForFunction(() => !document.getElementById("trouble").hidden || /^(?!Sending)./.test(document.getElementById("said").textContent));

async function signIn(page, token) {
  await page.locator("#sign-in:not([hidden])").waitFor();
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
}

async function makesLonger(page) {
  await page.setInputFiles("#file", file);
  await page.fill("#length", length);
  await page.click("#price");
  await told(page);
  const price = await text(page, "#said");
  await page.click("#start");
  await page.locator("#tasks li").first().waitFor();
  await page.screenshot({ path: `${pictures}/home-working.png`, fullPage: true });
  await page.locator("#tasks .chip.done").first().waitFor();
  return price;
}

async function first(browser) {
  const { page, wrong } = await openPage(browser);
  await page.goto(`${base}/`);
  await signIn(page, "nobody-has-this-token-0123456789abcdef");
  await page.locator("#trouble:not([hidden])").waitFor();
  const seen = { refused: await text(page, "#trouble") };
  await signIn(page, tokens[0]);
  await page.locator("#longer:not([hidden])").waitFor();
  await settled(page);
  seen.name = await text(page, "#facts");
  seen.price = await makesLonger(page);
  seen.tasks = await rows(page, "#tasks li");
  seen.nameless = await namelessOf(page);
  await page.screenshot({ path: `${pictures}/home.png`, fullPage: true });
  await page.fill("#length", "soon");
  await page.fill("#source", "tsk_1");
  await page.keyboard.press("Enter");
  await page.locator("#trouble:not([hidden])").waitFor();
  seen.wrong_length = await text(page, "#trouble");
  seen.cookies = (await page.context().cookies()).map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }));
  seen.stored = await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length);
  seen.player = await page.locator("#tasks a").first().getAttribute("href");
  await page.goto(base + seen.player);
  await page.locator("#play:not([disabled])").waitFor();
  seen.plays = await text(page, "#title");
  await page.goto(`${base}/`);
  await settled(page);
  await page.click("#sign-out");
  await page.locator("#sign-in:not([hidden])").waitFor();
  seen.after = await page.evaluate(() => document.getElementById("tasks-box").hidden);
  seen.wrong = wrong.filter((one) => !one.startsWith(`asked for ${base}/`) && !/401/.test(one));
  await page.context().close();
  return seen;
}

async function second(browser, player) {
  const { page } = await openPage(browser, { colorScheme: "dark", viewport: { width: 390, height: 720 } });
  await page.goto(`${base}/`);
  await signIn(page, tokens[1]);
  await page.locator("#longer:not([hidden])").waitFor();
  await settled(page);
  await page.screenshot({ path: `${pictures}/home-dark-narrow.png`, fullPage: true });
  const seen = { tasks: await rows(page, "#tasks li"), none: await page.locator("#none").isVisible() };
  seen.overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  seen.player = (await page.goto(base + player)).status();
  await page.context().close();
  return seen;
}

await main(async () => {
  const browser = await openBrowser();
  const ann = await first(browser);
  const ben = await second(browser, ann.player);
  await browser.close();
  return { first: ann, second: ben };
});
