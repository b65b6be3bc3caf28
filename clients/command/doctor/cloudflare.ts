/** What Cloudflare said of a Worker. */
export type Answer =
  | { readonly kind: "secrets"; readonly names: readonly string[] }
  /** Nothing of that name was deployed yet. */
  | { readonly kind: "new" }
  /** Nobody was asked. */
  | { readonly kind: "unasked"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

const API = "https://api.cloudflare.com/client/v4";
const TIMEOUT_MS = 10_000;

/**
 * Asks which secrets a Worker has (https://developers.cloudflare.com/api/resources/workers/subresources/scripts/subresources/secrets/):
 * their names, since nobody is told what is in them. It asks with the same variables that wrangler reads.
 */
export async function askForSecrets(worker: string, environment: NodeJS.ProcessEnv): Promise<Answer> {
  const token = environment.CLOUDFLARE_API_TOKEN;
  if (!token) return { kind: "unasked", why: "CLOUDFLARE_API_TOKEN is not set" };
  const ask = (path: string) =>
    fetch(`${environment.CLOUDFLARE_API_BASE_URL || API}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  try {
    const account = environment.CLOUDFLARE_ACCOUNT_ID || (await findAccount(ask));
    if (account === undefined)
      return { kind: "refused", why: "the token is for several accounts: set CLOUDFLARE_ACCOUNT_ID" };
    const response = await ask(
      `/accounts/${encodeURIComponent(account)}/workers/scripts/${encodeURIComponent(worker)}/secrets`,
    );
    if (response.status === 404) return { kind: "new" };
    if (!response.ok) return { kind: "refused", why: `it answered ${response.status}` };
    return { kind: "secrets", names: await readNames(response, "name") };
  } catch (thrown) {
    return { kind: "refused", why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** The only account that the token is for. */
async function findAccount(ask: (path: string) => Promise<Response>): Promise<string | undefined> {
  const response = await ask("/accounts");
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const [only, ...more] = await readNames(response, "id");
  return more.length === 0 ? only : undefined;
}

async function readNames(response: Response, field: "id" | "name"): Promise<readonly string[]> {
  const { result } = (await response.json()) as { result?: readonly Readonly<Record<string, unknown>>[] };
  if (!Array.isArray(result)) throw new Error("it answered with something else");
  return result.map((each) => String(each[field]));
}
