import { QUESTIONS } from "../../guide/questions.ts";
import { SERVER_OPTIONS } from "./arguments.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { DOOR_NAMES, DOORS } from "./doors.ts";
import { SERVER_DOORS } from "./server-doors.ts";

const CHANNEL = { name: "channel", text: "a channel's name, such as demo/hello" } as const;
const LIMIT: OptionSpec = { name: "limit", short: "n", value: "N", text: "end after N events" };
const TIMEOUT: OptionSpec = {
  name: "timeout",
  value: "SECONDS",
  text: "end after so long; 5 is the exit code where --limit was not reached",
};
const VERBOSE: OptionSpec = {
  name: "verbose",
  short: "v",
  text: "say on stderr what the connection does, also where that is no terminal",
};
const VIAS: OptionSpec = {
  name: "via",
  value: "DOOR",
  text: "only these doors, with commas or several times",
  choices: DOOR_NAMES.filter((name) => name !== "auto"),
  isMultiple: true,
};
const SIZE: OptionSpec = { name: "size", value: "BYTES", text: "of each event's data (128)" };

/** Every subcommand. A new one is an entry here and a file in `commands/`. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "serve",
    summary: "start a server on this machine, with no account",
    details:
      "What `npm start` does: every door on its port, state kept in .everywire. Ctrl-C ends it. Every\nvariable of the README's settings works here too.",
    positionals: [],
    options: [
      { name: "port", value: "PORT", text: "of HTTP and WebSocket (PORT, 8787)" },
      { name: "host", value: "ADDRESS", text: "where to listen (HOST, 127.0.0.1)" },
      { name: "state", value: "FOLDER", text: "where state is kept (EVERYWIRE_STATE, .everywire)" },
      {
        name: "anonymous",
        value: "GLOBS",
        text: "channels that need no token (ANONYMOUS_CHANNELS, demo/**)",
      },
      { name: "dev-auth", text: "give a token to whoever asks (DEV_AUTH): for development alone" },
      { name: "no-rates", text: "no limits of rates (RATE_LIMITS=off): for load" },
    ],
    examples: [
      { command: "everywire serve", text: "on http://127.0.0.1:8787" },
      { command: "everywire serve --port 9000 --dev-auth", text: "elsewhere, with tokens for the asking" },
    ],
    load: () => import("./commands/serve.ts"),
  },
  {
    name: "pub",
    summary: "publish to a channel",
    details:
      "Data is JSON where it is JSON, else a text. Without data, each line of stdin is an event. Prints the\nsequence of each when it is durable; sent again where nothing was answered, and stored once.",
    positionals: [
      CHANNEL,
      { name: "data", text: "what to publish; left out, lines of stdin", isOptional: true },
    ],
    options: [
      { name: "type", short: "t", value: "TYPE", text: "of the events (message)" },
      {
        name: "file",
        short: "f",
        value: "FILE",
        text: "publish a file as one event, or with --lines each of its lines; - is stdin",
      },
      { name: "lines", text: "each line is an event" },
      { name: "text", text: "the data is text, also where it looks like JSON" },
      { name: "id", value: "ID", text: "of the event: the same id is stored once" },
      { name: "source", value: "SOURCE", text: "of the events (the publisher)" },
      { name: "quiet", short: "q", text: "print nothing where all went well" },
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire pub demo/hello hi", text: "one event" },
      { command: `everywire pub demo/hello '{"x":1}' --type reading`, text: "with JSON and a type" },
      { command: "everywire pub demo/photos --file cat.jpg", text: "a file's bytes" },
      { command: "tail -f app.log | everywire pub demo/log --text -q", text: "each line as it comes" },
    ],
    load: () => import("./commands/pub.ts"),
  },
  {
    name: "sub",
    summary: "read a channel over any wire",
    details: `Goes on by itself where the connection is lost, with nothing lost and nothing twice. A cursor (an
event's sequence) is the same on every door. The doors:\n${DOORS.map(({ name, text }) => `  ${name.padEnd(16)} ${text}`).join("\n")}`,
    positionals: [CHANNEL],
    options: [
      { name: "via", value: "DOOR", text: "the wire (auto)", choices: DOOR_NAMES },
      { name: "after", value: "CURSOR", text: "a cursor, earliest or latest (latest)" },
      LIMIT,
      TIMEOUT,
      VERBOSE,
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire sub demo/hello", text: "what comes, over the best wire that works" },
      { command: "everywire sub demo/hello --via mqtt --after earliest", text: "all there is, over MQTT" },
      {
        command: "everywire sub demo/hello -n 1 --timeout 30 --json | jq .data",
        text: "wait for one event, in a script",
      },
    ],
    load: () => import("./commands/sub.ts"),
  },
  {
    name: "tail",
    summary: "follow many channels at once",
    details:
      "Names and globs: * is one segment, ** any number. Channels that begin later are followed from their\nfirst event, about a second after they began.",
    positionals: [{ name: "channels", text: "names or globs, such as 'demo/**'", isMultiple: true }],
    options: [
      { name: "after", value: "WHERE", text: "earliest or latest (latest)", choices: ["earliest", "latest"] },
      { name: "type", short: "t", value: "TYPE", text: "only events of these types", isMultiple: true },
      LIMIT,
      TIMEOUT,
      VERBOSE,
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire tail 'demo/**'", text: "everything under demo" },
      { command: "everywire tail 'orders/*' users/ada/inbox --json", text: "orders and an inbox, as JSON" },
    ],
    load: () => import("./commands/tail.ts"),
  },
  {
    name: "race",
    summary: "one publish, every door: when does it arrive where?",
    details:
      "A table that is live in a terminal, the quickest door first. Bytes are counted by a relay in this\nprocess, which costs every door about a tenth of a millisecond.",
    positionals: [],
    options: [
      { name: "count", short: "n", value: "N", text: "publishes (until Ctrl-C in a terminal, else 50)" },
      { name: "rate", value: "N", text: "publishes a second, up to 50 (5)" },
      SIZE,
      VIAS,
      { name: "channel", value: "NAME", text: "where to (demo/race-...)" },
      { name: "direct", text: "without the relay, and so without bytes" },
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire race", text: "watch" },
      { command: "everywire race --via sse,websocket,mqtt --rate 20", text: "three doors, quicker" },
      { command: "everywire race --json --count 100", text: "the result for a program" },
    ],
    load: () => import("./commands/race.ts"),
  },
  {
    name: "bench",
    summary: "measure every door, one at a time",
    details:
      "Each door alone in a closed loop: the next event is published when the one before has arrived. Use a\nmachine that has nothing else to do, and a server with RATE_LIMITS=off (serve --no-rates).",
    positionals: [],
    options: [
      {
        name: "count",
        short: "n",
        value: "N",
        text: "events for each door (200); a tenth for http, which polls",
      },
      {
        name: "rounds",
        value: "N",
        text: "measure every door so often, in turns, and take its quickest quarter (1)",
      },
      SIZE,
      VIAS,
      { name: "note", value: "TEXT", text: "what else to say of the conditions, kept with the figures" },
      {
        name: "write",
        short: "w",
        value: "FILE",
        text: "write the figures there, as guide/figures.json has them",
      },
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire bench", text: "a table" },
      { command: "everywire bench --count 500 --write guide/figures.json", text: "the guide's figures" },
    ],
    load: () => import("./commands/bench.ts"),
  },
  {
    name: "choose",
    summary: "which protocol? a few questions, a choice and its reasons",
    details: `Asks in a terminal; answers may be given as options, and each may be left out. Needs no server.\n${QUESTIONS.map(({ id, text, options }) => `  --${id}: ${text}\n${options.map((option) => `    ${option.id.padEnd(16)} ${option.label.split(":")[0]}`).join("\n")}`).join("\n")}`,
    positionals: [],
    options: QUESTIONS.map(({ id, text, options }) => ({
      name: id,
      value: "ANSWER",
      text,
      choices: options.map((option) => option.id),
    })),
    examples: [
      { command: "everywire choose", text: "be asked" },
      { command: "everywire choose --use chat --client browser", text: "a choice at once" },
      { command: "everywire choose --use iot --json | jq .choice.protocol", text: "for a program" },
    ],
    load: () => import("./commands/choose.ts"),
  },
  {
    name: "token",
    summary: "get a token from a development server",
    details: "The server must run with DEV_AUTH=true (serve --dev-auth), and gives one to whoever asks.",
    positionals: [{ name: "name", text: "who one is" }],
    options: [
      { name: "role", value: "ROLE", text: "such as admin", isMultiple: true },
      { name: "sub", value: "ID", text: "the id in users/{id} (made of the name)" },
      { name: "expires", value: "SECONDS", text: "how long it is good, up to a day (3600)" },
      {
        name: "read",
        value: "GLOB",
        text: "channels that it may read, instead of the usual ones",
        isMultiple: true,
      },
      { name: "write", value: "GLOB", text: "channels that it may write", isMultiple: true },
      ...SERVER_OPTIONS.filter(({ name }) => name === "url"),
    ],
    examples: [
      { command: "export EVERYWIRE_TOKEN=$(npx everywire token ada)", text: "be ada from now on" },
      { command: "everywire token ops --role admin --json", text: "an admin, with when it ends" },
    ],
    load: () => import("./commands/token.ts"),
  },
  {
    name: "init",
    summary: "make a project of one's own, with some of the doors",
    details:
      "A small project that works: the sources of those doors, copied, with nothing of the others, their tests,\nwhat serves and what deploys them. Its owner changes what they like; nothing leads back here.",
    positionals: [{ name: "folder", text: "to make in this one; its name is the project's" }],
    options: [
      {
        name: "doors",
        value: "DOOR",
        text: "which doors, with commas or several times",
        choices: SERVER_DOORS,
        isMultiple: true,
      },
    ],
    examples: [
      { command: "everywire init my-app --doors rest,sse,webhooks", text: "an API whose changes are told" },
      { command: "everywire init sensors --doors mqtt,tcp,http", text: "devices, and a way to look" },
    ],
    load: () => import("./commands/init.ts"),
  },
  {
    name: "seed",
    summary: "fill a server with example records",
    details:
      "50 users, 200 products, 100 posts with comments, over REST. Running it again adds nothing. Needs an\nadmin's token, or a server with DEV_AUTH=true.",
    positionals: [],
    options: SERVER_OPTIONS,
    examples: [{ command: "everywire seed", text: "fill it" }],
    load: () => import("./commands/seed.ts"),
  },
  {
    name: "doctor",
    summary: "what is reachable, what is missing, how to get it",
    details:
      "Asks the server, the gateway's ports, Redis, RabbitMQ, Mosquitto, and looks for the tools of the\nexamples. Exit code 3 where the server does not answer; what is missing beside it counts with --strict.\nWith --deploy it asks Cloudflare instead, by CLOUDFLARE_API_TOKEN: which settings and secrets a deploy lacks,\nand what each is for. Exit code 1 where it would be broken.",
    positionals: [],
    options: [
      { name: "strict", text: "exit code 1 where anything is missing" },
      { name: "deploy", text: "what a deploy lacks, in place of what is reachable" },
      { name: "env", value: "name", text: "with --deploy: an environment of wrangler.toml (production)" },
      { name: "config", value: "file", text: "with --deploy: wrangler's configuration (wrangler.toml)" },
      { name: "secrets-file", value: "file", text: "with --deploy: secrets that the deploy brings with it" },
      ...SERVER_OPTIONS,
    ],
    examples: [
      { command: "everywire doctor", text: "look around" },
      { command: "everywire doctor --json --strict", text: "in a script" },
      { command: "everywire doctor --deploy --env staging", text: "before a deploy" },
    ],
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "completion",
    summary: "a script that makes a shell complete this command",
    details:
      "For `everywire` itself: put clients/command/everywire.mjs on the PATH under that name, or define\nalias everywire='npx everywire'.",
    positionals: [{ name: "shell", text: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
    options: [],
    examples: [
      { command: "source <(npx everywire completion bash)", text: "bash, this session" },
      {
        command: "npx everywire completion zsh > ~/.zsh/completions/_everywire",
        text: "zsh, in a folder of $fpath",
      },
      {
        command: "npx everywire completion fish > ~/.config/fish/completions/everywire.fish",
        text: "fish, for good",
      },
    ],
    load: () => import("./commands/completion.ts"),
  },
];
