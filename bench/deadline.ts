/** Resolves as `work` does, or rejects with what it was that took too long: a run must end, whatever hangs. */
export async function within<T>(what: string, deadlineMs: number, work: Promise<T>): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => expired.reject(new Error(`${what} did not end within ${deadlineMs / 1000} s.`)),
    deadlineMs,
  );
  try {
    return await Promise.race([work, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
