/** Resolves at the first SIGINT or SIGTERM; from then on further ones are let pass, so that stopping can finish. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    // `on`, not `once`: a terminal sends SIGINT to the whole group and npm passes it on again, so two arrive.
    process.on("SIGINT", resolve);
    process.on("SIGTERM", resolve);
  });
}
