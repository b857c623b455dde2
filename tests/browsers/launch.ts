/**
 * Starts headless browsers, with Puppeteer.
 *
 * @module
 */
import { existsSync } from "node:fs";

/** A browser that is supported. */
export type BrowserName = keyof typeof PROGRAMS;

/** Names of their programs on Linux. */
const PROGRAMS = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox-esr", "firefox"],
} as const;

/** All of them. */
export const BROWSERS = Object.keys(PROGRAMS) as readonly BrowserName[];

/** A running browser. */
export interface Browser extends AsyncDisposable {
  readonly name: BrowserName;
  readonly version: string;
  /** Opens a page without cookies or caches of other pages. */
  open(): Promise<Page>;
}

/** A page. */
export interface Page extends AsyncDisposable {
  /** Errors so far: those that nobody caught, and those on the console. */
  readonly errors: readonly string[];
  /** Loads an address. */
  goto(address: string): Promise<void>;
  /** Evaluates an expression, and awaits its value if it is a promise. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses a key, by its name in `KeyboardEvent.key`. */
  press(key: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** Saves a picture of an element as PNG. */
  screenshot(path: string, selector: string): Promise<void>;
}

/**
 * Finds a browser.
 *
 * @returns The path of its program; `undefined` where there is none.
 */
export function findBrowser(name: BrowserName): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return PROGRAMS[name].flatMap((it) => folders.map((folder) => `${folder}/${it}`))
    .find((path) => existsSync(path));
}

/** Options of {@linkcode launch}. */
export interface LaunchOptions {
  /** Arguments of Chromium's command line; without any it uses no GPU. */
  readonly args?: readonly string[];
}

/**
 * Starts a browser.
 *
 * @throws {Error} when it is not installed, or does not start.
 */
export async function launch(
  name: BrowserName,
  { args = ["--disable-gpu"] }: LaunchOptions = {},
): Promise<Browser> {
  const executablePath = findBrowser(name);
  if (executablePath === undefined) throw new Error(`Cannot launch ${name}: it is not installed`);
  const { default: puppeteer } = await import("puppeteer-core"); // here, as loading it takes permissions
  const browser = await puppeteer.launch({
    executablePath,
    protocolTimeout: 600_000,
    ...name === "firefox"
      ? { browser: "firefox", extraPrefsFirefox: PREFERENCES }
      : { browser: "chrome", args: ["--no-sandbox", ...args] }, // root could not use the sandbox
  });
  return {
    name,
    version: (await browser.version()).replace(/^.*\//, ""),
    async open() {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      return {
        errors,
        goto: async (address) => void await page.goto(address),
        evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
        press: (key) => page.keyboard.press(key as Parameters<typeof page.keyboard.press>[0]), // a name of a key
        resize: (width, height) => page.setViewport({ width, height }),
        screenshot: async (path, selector) => {
          const element = await page.$(selector);
          await element!.screenshot({ path: path as `${string}.png` }); // the page has it
        },
        [Symbol.asyncDispose]: () => context.close(),
      };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** Of Firefox: scripts may run for as long as they take, and the clock is exact. */
const PREFERENCES = {
  "dom.max_script_run_time": 0,
  "privacy.reduceTimerPrecision": false,
  "privacy.reduceTimerPrecision.unconditional": false,
};
