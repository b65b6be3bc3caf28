/** What the runtime gives: two networks, and the stand-in for QStash where the Worker runs with it. */
interface Env {
  /** Addresses of the internet alone. */
  readonly PUBLIC_NETWORK: Fetcher;
  /** Those of private networks, and of this machine, as well. */
  readonly ANY_NETWORK: Fetcher;
  readonly QSTASH_STAND_IN: Fetcher;
  readonly QSTASH_STAND_IN_URL: string;
  /** Which of these settings name services of the operator's own. */
  readonly SERVICE_VARIABLES: readonly string[];
  readonly ALLOW_PRIVATE_WEBHOOKS: string | null;
  readonly [name: string]: unknown;
}

/**
 * Every request that the Worker sends passes here. Those to services that the operator named may go anywhere; all others, whose
 * URLs are somebody's (webhooks, pushes), reach the internet alone. The network itself holds that, by the address that is
 * connected to, so neither a redirect nor a name that is looked up twice leads around it (SSRF).
 */
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const { origin } = new URL(request.url);
    if (origin === env.QSTASH_STAND_IN_URL) return env.QSTASH_STAND_IN.fetch(request);
    const isOwn = env.SERVICE_VARIABLES.some((name) => toOrigin(env[name]) === origin);
    const network = isOwn || isOn(env.ALLOW_PRIVATE_WEBHOOKS) ? env.ANY_NETWORK : env.PUBLIC_NETWORK;
    return network.fetch(request);
  },
} satisfies ExportedHandler<Env>;

function toOrigin(value: unknown): string | undefined {
  return typeof value === "string" && URL.canParse(value) ? new URL(value).origin : undefined;
}

/** As core/settings.ts reads a switch. */
function isOn(value: string | null): boolean {
  return value === "true" || value === "on" || value === "1";
}
