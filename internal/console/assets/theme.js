// The theme: the system's, until the user chooses the other. early.js sets the one chosen before.
const key = 'steadyframe.theme';
const root = document.documentElement;
const systemDark = matchMedia('(prefers-color-scheme: dark)');

const isDark = () => (root.dataset.theme === 'system' ? systemDark.matches : root.dataset.theme === 'dark');

// changed tells charts: no style sheet reaches their canvases.
const changed = () => root.dispatchEvent(new Event('themechange'));

// toggleTheme changes between light and dark, and remembers the choice unless it is the system's too.
export function toggleTheme() {
  const dark = !isDark();
  if (dark === systemDark.matches) {
    root.dataset.theme = 'system';
    localStorage.removeItem(key);
  } else {
    root.dataset.theme = dark ? 'dark' : 'light';
    localStorage.setItem(key, root.dataset.theme);
  }
  changed();
}

// bindTheme makes button a toggle of the theme.
export function bindTheme(button) {
  const label = () => {
    const text = isDark() ? 'Light theme' : 'Dark theme';
    button.title = `${text} (t)`;
    button.setAttribute('aria-label', text);
  };
  systemDark.addEventListener('change', changed);
  root.addEventListener('themechange', label);
  button.addEventListener('click', toggleTheme);
  label();
}
