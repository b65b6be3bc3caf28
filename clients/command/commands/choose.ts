import { createInterface } from "node:readline";
import type { Answers, Choice } from "../../../guide/choose.ts";
import { choose, parseAnswers } from "../../../guide/choose.ts";
import { FIGURES } from "../../../guide/figures.ts";
import type { Protocol } from "../../../guide/protocol.ts";
import { protocolOf } from "../../../guide/protocols.ts";
import type { Question } from "../../../guide/question.ts";
import { QUESTION_IDS } from "../../../guide/question.ts";
import { QUESTIONS } from "../../../guide/questions.ts";
import type { CommandContext, RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import type { Output } from "../output.ts";
import type { Target } from "../target.ts";
import { fillExample, toTarget } from "../target.ts";
import { UsageError } from "../usage-error.ts";

/** Which protocol for what: asks, or takes the answers from the options. Needs no server. */
export const run: RunCommand = async (context) => {
  const { words, environment, output, signal } = context;
  const given = parseAnswers(Object.fromEntries(QUESTION_IDS.map((id) => [id, words.get(id)])));
  const isAsked = Object.keys(given).length === 0;
  if (isAsked && (output.isJson || process.stdin.isTTY !== true)) {
    const options = QUESTION_IDS.map((id) => `--${id}`).join(", ");
    throw new UsageError(`There is no terminal to ask at. Answer at least one of ${options}.`);
  }
  const answers = isAsked ? await ask(context) : given;
  if (signal.aborted) return EXIT.interrupted;
  const choice = choose(answers);
  if (output.isJson) output.json(choice);
  else show(choice, output, toTarget(words, environment));
  return EXIT.ok;
};

async function ask({ output, signal }: CommandContext): Promise<Answers> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // A terminal that is read key by key sends no signal for Ctrl-C.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  signal.addEventListener("abort", () => terminal.close(), { once: true });
  terminal.setPrompt("Number, or Enter for 'no matter': ");
  // One iterator for all questions: what is typed ahead is kept.
  const lines = terminal[Symbol.asyncIterator]();
  const answers: Record<string, string> = {};
  try {
    for (const question of QUESTIONS) {
      output.note(`\n${output.style("bold", question.text)}`);
      for (const [index, { label }] of question.options.entries()) output.note(`  ${index + 1}  ${label}`);
      const picked = await pick(question, async () => {
        terminal.prompt();
        const { done, value } = await lines.next();
        // Ctrl-D: no more answers.
        return done === true ? "" : value;
      });
      if (picked !== undefined) answers[question.id] = picked;
    }
  } finally {
    terminal.close();
  }
  output.note("");
  return answers;
}

async function pick({ options }: Question, read: () => Promise<string>): Promise<string | undefined> {
  for (;;) {
    const text = (await read()).trim();
    if (text === "") return undefined;
    const option = options[Number(text) - 1] ?? options.find(({ id }) => id === text);
    if (option !== undefined) return option.id;
  }
}

function show(chosen: Choice, output: Output, target: Target): void {
  const { choice, runnerUp, insteadWhen, ruledOut, ranking } = chosen;
  const protocol = protocolOf(choice.protocol);
  output.line(`${output.style("green", output.style("bold", choice.name))}: ${protocol.summary}`);
  for (const reason of choice.reasons) output.line(`  + ${reason}`);
  for (const caution of choice.cautions) output.line(`  - ${caution}`);
  output.line(`  resume: ${protocol.resume}`);
  output.line(`  proxies: ${protocol.proxies.why}`);
  showFigures(protocol, output);
  output.line(`  try it: ${fillExample(protocol.example, target)}`);
  output.line(`\n${output.style("bold", runnerUp.name)} is next. Take it when`);
  for (const when of insteadWhen) output.line(`  * ${when}`);
  const others = ranking.slice(2, 5).map(({ name }) => name);
  if (others.length > 0) output.line(`\nThen: ${others.join(", ")}.`);
  const reasons = [...new Set(ruledOut.map(({ reason }) => reason))];
  for (const reason of reasons) {
    const names = ruledOut.filter((out) => out.reason === reason).map(({ name }) => name);
    output.line(output.style("dim", `Not ${names.join(", ")}: ${reason}`));
  }
}

function showFigures({ vias }: Protocol, output: Output): void {
  for (const via of vias) {
    const figures = FIGURES?.vias[via];
    if (figures === undefined) continue;
    const { p50Ms, p99Ms, bytesPerEvent } = figures;
    output.line(`  measured (${via}): p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${bytesPerEvent} bytes an event`);
  }
}
