const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Resolves at the first SIGINT or SIGTERM. Call it when everything is started: libraries that are loaded (Miniflare
 * is one) answer these signals by ending the process at once with 130 or 143, and a stop that was asked for is none
 * of that. Their handlers are replaced.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) {
      process.removeAllListeners(signal);
      // `on`, not `once`: a terminal sends SIGINT to the whole group and npm passes it on again, so two arrive, and
      // the second must not cut the stopping short.
      process.on(signal, resolve);
    }
  });
}
