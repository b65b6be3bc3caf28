import type { DoorSubset } from "../door-subset.ts";

const COMMANDS = `| command | what it does |
|---|---|
| \`npm install\` | installs what it needs |
| \`npm start\` | bundles, and serves on http://127.0.0.1:8787 with no account; state in \`.everywire/\` |
| \`npm test\` | bundles, serves, and goes through every door from outside |
| \`npm run check\` | types |
| \`npm run deploy -- --dry-run\` | bundles as a deploy would, and uploads nothing |
| \`npm run deploy\` | deploys to Cloudflare; \`npx wrangler secret put JWT_SECRET\` first |`;

/** A project's README.md. */
export function toReadme(
  name: string,
  subset: DoorSubset,
  { hasQueue }: { readonly hasQueue: boolean },
): string {
  const doors = subset.doors.map((door) => {
    const example =
      door.example === undefined ? "" : `: \`${door.example.replaceAll("{url}", "http://127.0.0.1:8787")}\``;
    return `- **${door.name}**: ${door.summary}${example}`;
  });
  return [
    `# ${name}`,
    "",
    "One durable log per channel, and these doors onto it. What comes in through one is read through every other, in the same order, from",
    "the same cursor (`sequence`).",
    "",
    ...doors,
    ...(subset.notes.length === 0 ? [] : ["", ...subset.notes.map((note) => `- ${note}`)]),
    "",
    COMMANDS,
    "",
    "`npm start` opens channels under `demo/` to anybody (`ANONYMOUS_CHANNELS`), and gives a token to whoever asks with `DEV_AUTH=true`:",
    "for development alone. `core/settings.ts` has every setting, `core/limits.ts` every limit; each is an environment variable.",
    ...(hasQueue
      ? [
          "",
          "Jobs go through QStash. While `QSTASH_URL` is not set, `npm start` serves a stand-in (`local/qstash`); a deploy needs an account of",
          "Upstash, and its `QSTASH_URL`, `QSTASH_TOKEN`, `QSTASH_CURRENT_SIGNING_KEY`, `QSTASH_NEXT_SIGNING_KEY` and `PUBLIC_URL` as secrets.",
        ]
      : []),
    "",
    "Made by `everywire init`. The sources are yours: nothing is fetched from where they came from.",
    "",
  ].join("\n");
}

/** A project's AGENTS.md. */
export function toAgentsFile(name: string, { doors, parts }: DoorSubset): string {
  return [
    `# For whoever changes ${name}`,
    "",
    COMMANDS,
    "",
    "| what | where |",
    "|---|---|",
    "| the Worker's entry, and the table of doors | `worker.ts`, `functions/routes.ts` |",
    `| doors, one folder each: decode, call an operation, encode | ${doors.map((door) => `\`functions/${door.name}\``).join(", ")} |`,
    "| what all doors share: identity, errors, headers, limits | `functions/boundary/` |",
    "| what an operation does, and who may call it | `core/operations/`, `core/policy.ts` |",
    `| what the doors rest on | \`composition/\` (${parts.length === 0 ? "the channels alone" : parts.join(", ")}) |`,
    "| the log of a channel | `durable-objects/channel*.ts` |",
    "| bindings and classes | `wrangler.toml` |",
    "| tests: every door through a client of its wire | `tests/conformance/` |",
    "",
    "A door knows no other door and no service; a rule of the business belongs in `core/operations/`, so that it holds on every wire.",
    "",
  ].join("\n");
}
