import { signal } from "@preact/signals";

const KEY = "everywire.theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

/** What is shown now, chosen or preferred by the system. */
export const theme = signal<"light" | "dark">(currentTheme());

prefersDark.addEventListener("change", () => {
  theme.value = currentTheme();
});

function currentTheme(): "light" | "dark" {
  const { theme: chosen } = document.documentElement.dataset;
  if (chosen === "light" || chosen === "dark") return chosen;
  return prefersDark.matches ? "dark" : "light";
}

/** Changes to the other theme, and remembers it, unless it is what the system prefers anyway. */
export function toggleTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  const isPreferred = (next === "dark") === prefersDark.matches;
  if (isPreferred) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (isPreferred) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It then holds until the page is left.
  }
  theme.value = next;
}
