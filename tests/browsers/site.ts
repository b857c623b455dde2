/**
 * Tests of the site in browsers: no errors, its parts by keyboard, narrow windows, and without a
 * network. Pictures of all parts are left in `.shots/`, to be looked at.
 *
 * `deno task test:browsers` runs it, after it has built the site.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ROOT } from "./bundle.ts";
import type { Page } from "./launch.ts";
import { type Answer, serve } from "./server.ts";
import { testInAll } from "./_support.ts";

const DIST = `${ROOT}site/dist`;
const SHOTS = `${ROOT}.shots`;
const PARTS = ["sparks", "rewind", "memory", "struct", "handle", "guide"];
const WIDTHS = [390, 1280];
/** Sparks are drawn with WebGL, so that Chromium gets its GPU, in software where there is none. */
const WITH_GPU = { args: [] };
/** Seconds until something has to show. */
const LIMIT = 30;

const build = new Deno.Command(Deno.execPath(), { args: ["task", "site"] });
const { success, stderr } = await build.output();
assert(success, new TextDecoder().decode(stderr));
await Deno.mkdir(SHOTS, { recursive: true });

async function fileAt(path: string): Promise<Answer | undefined> {
  const file = path.endsWith("/") ? `${path}index.html` : path;
  return await Deno.readFile(DIST + file).catch(() => undefined);
}

/** Waits until an expression is true in a page, which may go to another address meanwhile. */
async function until(page: Page, expression: string): Promise<void> {
  const start = performance.now();
  // Evaluating fails while the page is between two addresses.
  while (!await page.evaluate<boolean>(`Boolean(${expression})`).catch(() => false)) {
    const seconds = (performance.now() - start) / 1000;
    assert(seconds < LIMIT, `it never came to ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function textOf(page: Page, selector: string): Promise<string> {
  return page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
}

/** Goes on with the tabulator until an element has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  const isThere = `document.activeElement.matches(${JSON.stringify(selector)})`;
  for (let presses = 0; presses < 60; presses++) {
    await page.press("Tab");
    if (await page.evaluate<boolean>(isThere)) return;
  }
  throw new Error(`The tabulator does not come to ${selector}`);
}

/** Tests the first page of the site, once it has drawn everything; it may have no errors. */
function testSite(claim: string, fn: (page: Page) => Promise<void>): void {
  testInAll(claim, async (browser) => {
    await using server = serve(fileAt);
    await using page = await browser.open();
    await page.goto(`${server.origin}/`);
    await until(page, 'document.querySelector("#costs").textContent !== ""');
    await fn(page);
    assertEquals(page.errors, []);
  }, WITH_GPU);
}

testSite("the site has no errors, and works by keyboard", async (page) => {
  await tabTo(page, "#rewind-slider");
  await page.press("ArrowLeft");
  await until(page, 'document.querySelector("#rewind-time").textContent !== "now"');

  await tabTo(page, "#ways input");
  const way = "[...document.querySelectorAll('#ways input')].findIndex((it) => it.checked)";
  const before = await page.evaluate(way);
  await page.press("ArrowDown");
  assertNotEquals(await page.evaluate(way), before);

  await tabTo(page, "#count");
  await page.press("Home");
  assertEquals(await textOf(page, "#count-shown"), "1,000");

  await tabTo(page, "#memory-pause");
  await page.press("Enter");
  assertEquals(await textOf(page, "#memory-pause"), "Play");
  await tabTo(page, "#memory-step");
  await page.press("Enter");
  assertNotEquals(await textOf(page, "#memory-call"), "");

  await tabTo(page, "#struct-source");
  await page.press("x");
  await until(page, 'document.querySelector("#struct-error").textContent !== ""');
  await page.press("Backspace");
  await until(page, 'document.querySelector("#struct-error").textContent === ""');
  await tabTo(page, "#struct [name=tab]");
  const struct = await textOf(page, "#struct-text");
  await page.press("ArrowRight");
  assertNotEquals(await textOf(page, "#struct-text"), struct);

  await tabTo(page, "#handle-next");
  const story = await textOf(page, "#handle-says");
  await page.press("Enter");
  assertNotEquals(await textOf(page, "#handle-says"), story);

  await tabTo(page, "#guide a");
  await page.press("Enter");
  await until(page, 'location.pathname.includes("/guide/") && document.readyState === "complete"');
});

testSite("the site changes the way in the frame of a rewind", async (page) => {
  const note = 'document.querySelector("#rewind-note").textContent';
  await until(page, `/ [1-9]\\d* snapshots/.test(${note})`);
  await page.evaluate(`(() => {
    const slider = document.querySelector("#rewind-slider");
    slider.value = "-9";
    slider.dispatchEvent(new Event("input"));
    document.querySelectorAll("#ways input")[2].click();
  })()`);
  const cell = 'document.querySelectorAll("#ways tbody tr")[2].lastElementChild';
  await until(page, `${cell}.textContent !== "–"`);
});

testSite("the site draws again after it has lost the GPU", async (page) => {
  const hasGpu = await page.evaluate<boolean>(`
    globalThis.gl = document.querySelector("#canvas").getContext("webgl2");
    globalThis.gpu = gl?.getExtension("WEBGL_lose_context");
    gl !== null`);
  if (!hasGpu) return; // it draws without
  await page.evaluate("gpu.loseContext()");
  await until(page, '!document.querySelector("#gpu-lost").hidden');
  await page.evaluate("gpu.restoreContext()");
  await until(page, 'document.querySelector("#gpu-lost").hidden && !gl.isContextLost()');
  // The buffer of a painter, of which a context that came back has none.
  await until(page, "gl.getParameter(gl.ARRAY_BUFFER_BINDING) !== null");
});

testInAll("the site fits narrow and wide windows", async (browser) => {
  await using server = serve(fileAt);
  await using page = await browser.open();
  for (const width of WIDTHS) {
    await page.resize(width, 900);
    for (const path of ["/guide/first_pool.html", "/guide/examples_save_game.html", "/"]) {
      await page.goto(server.origin + path);
      const [content, window] = await page.evaluate<number[]>(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
      );
      assert(content <= window, `${path} is ${content} wide in ${window}`);
    }
    await until(page, 'document.querySelector("#costs").textContent !== ""');
    for (const part of PARTS) {
      await page.screenshot(`${SHOTS}/${browser.name}-${width}-${part}.png`, `#${part}`);
    }
  }
  assertEquals(page.errors, []);
}, WITH_GPU);

testInAll("the site works without a network after the first visit", async (browser) => {
  await using page = await browser.open();
  let origin: string;
  {
    await using server = serve(fileAt);
    origin = server.origin;
    await page.goto(`${origin}/`);
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)");
  } // from here on there is no server
  await page.goto(`${origin}/`);
  await until(page, 'document.querySelector("#costs").textContent !== ""');
  await page.goto(`${origin}/guide/first_pool.html`);
  assertNotEquals(await textOf(page, "h1"), "");
  assertEquals(page.errors, []);
}, WITH_GPU);
