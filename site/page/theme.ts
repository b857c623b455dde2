/**
 * The switch between dark and light. It is a script of its own, loaded before the body, so that a
 * page does not flash in the other theme.
 *
 * @module
 */

const KEY = "slabs-theme";
const root = document.documentElement;

const kept = read();
if (kept === "dark" || kept === "light") root.dataset.theme = kept;

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  button?.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    keep(theme);
    dispatchEvent(new Event("themechange"));
  });
});

function isDark(): boolean {
  const { theme } = root.dataset;
  return theme === undefined
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : theme === "dark";
}

// Storage throws where cookies are blocked; the switch then works for this page alone.

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(theme: string): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    return;
  }
}
