/** What the stand-in is given: by `scripts/serve.ts`, or by `wrangler dev`. */
export interface Env {
  readonly QSTASH: DurableObjectNamespace;
  readonly QSTASH_TOKEN?: string;
  readonly QSTASH_CURRENT_SIGNING_KEY?: string;
  readonly QSTASH_NEXT_SIGNING_KEY?: string;
  /** The origin that {@link Env.EVERYWIRE} answers for, whatever port it listens on. */
  readonly WORKER_ALIAS?: string;
  readonly EVERYWIRE?: Fetcher;
  readonly QSTASH_BACKOFF_SCALE?: string;
  readonly QSTASH_BACKOFF_EXPONENT?: string;
  readonly QSTASH_CRON_SECONDS?: string;
}
