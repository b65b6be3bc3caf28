// Run before anything is painted, so that a chosen theme never flashes in the other's colours.
try {
  const chosen = localStorage.getItem("everywire.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden: then the system's preference holds.
}
