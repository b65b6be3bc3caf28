/** A time in milliseconds, with as many digits as say something. */
export function formatMs(valueMs: number): string {
  if (valueMs >= 10_000) return `${(valueMs / 1000).toFixed(0)} s`;
  if (valueMs >= 1000) return `${(valueMs / 1000).toFixed(1)} s`;
  return `${valueMs >= 100 ? valueMs.toFixed(0) : valueMs.toFixed(1)} ms`;
}

/** A round time, as an axis has it. */
export function formatTick(valueMs: number): string {
  return valueMs >= 1000 ? `${valueMs / 1000} s` : `${Number(valueMs.toPrecision(2))} ms`;
}

/** A number of bytes, in units of 1024. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-GB");
}
