import { EverywireError } from "../../typescript/error.ts";
import { parseNumber } from "../arguments.ts";
import type { RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { request } from "../http.ts";
import { toTarget } from "../target.ts";

/** Asks a development server for a token. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const target = { ...toTarget(words, environment), token: undefined };
  const read = words.list("read");
  const write = words.list("write");
  const roles = words.list("role");
  const expiresIn = parseNumber(words, "expires", { min: 1, max: 86_400 });
  const sub = words.get("sub");
  const body = {
    name: words.positionals[0],
    ...(roles.length === 0 ? {} : { roles }),
    ...(sub === undefined ? {} : { sub }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
    ...(read.length + write.length === 0 ? {} : { channels: { read, write } }),
  };
  const response = await request(target, "/auth/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  }).catch((thrown: unknown) => {
    if (!(thrown instanceof EverywireError) || thrown.code !== "not_found") throw thrown;
    throw new EverywireError(
      "permission_denied",
      `${target.url} gives no tokens away: start it with DEV_AUTH=true.`,
    );
  });
  const answer = (await response.json()) as { readonly token: string };
  if (output.isJson) output.json(answer);
  else output.line(answer.token);
  return EXIT.ok;
};
