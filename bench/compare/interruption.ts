const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Calls back at each SIGINT and SIGTERM, and sees to it that nobody else answers them: Miniflare, once it has started something, would
 * end the process at once, before what was begun is put away.
 */
export function onInterruption(callback: (signal: NodeJS.Signals) => void): void {
  const listener = (signal: NodeJS.Signals) => callback(signal);
  for (const signal of SIGNALS) process.on(signal, listener);
  process.on("newListener", (name: string | symbol, added: unknown) => {
    const signal = SIGNALS.find((one) => one === name);
    if (signal === undefined || added === listener) return;
    // It is told before it is added.
    queueMicrotask(() => process.off(signal, added as () => void));
  });
}
