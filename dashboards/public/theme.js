// Light or dark, before the first paint: a module would come after it. "auto" follows the machine, also when it changes.
// The choice is this browser's; `luytre.theme` is written by src/app/theme.ts. A file of its own: the policy forbids inline script.
(() => {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let choice = null;
    try {
      choice = localStorage.getItem("luytre.theme");
    } catch {
      // Storage may be refused; then the machine's choice holds.
    }
    const theme = choice === "light" || choice === "dark" ? choice : media.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  apply();
  media.addEventListener("change", apply);
  addEventListener("luytre-theme", apply);
  addEventListener("storage", apply);
})();
