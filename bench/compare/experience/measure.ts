import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/paths.ts";
import type { Lab } from "../chapter.ts";
import { runCurlTrial } from "./curl-trial.ts";
import { runCutTrial, toResumption } from "./cut-trial.ts";
import type { ClientFigures, ExperienceFigures } from "./figures.ts";
import { runProxyTrial } from "./proxy-trial.ts";
import type { ExperienceServer } from "./server.ts";
import { startExperienceServer } from "./server.ts";
import { measureSource } from "./source.ts";
import type { Subject } from "./subjects.ts";
import { SUBJECTS } from "./subjects.ts";

/** A trial is a process or two, which mostly wait. */
const AT_ONCE = 4;
/** A library that goes on by itself has done so within this; what has not is taken to have stopped. */
const PATIENCE_ALONE_MS = 6000;

/** Reads the clients, and tries each: a cut, two proxies, curl. */
export async function measureExperience(lab: Lab): Promise<ExperienceFigures> {
  const subjects = lab.isQuick
    ? SUBJECTS.filter(({ file }) => ["sse", "websocket"].includes(file))
    : SUBJECTS;
  const server = await startExperienceServer();
  try {
    const hasQuic = server.webTransport !== undefined;
    const waiting = [...subjects.filter(({ file }) => hasQuic || file !== "webtransport").entries()];
    const clients: ClientFigures[] = [];
    let done = 0;
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        lab.signal.throwIfAborted();
        const [index, subject] = next;
        clients[index] = await measureClient(subject, server);
        done += 1;
        lab.progress(done / subjects.length, subject.name);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return { clients };
  } finally {
    await server.stop();
  }
}

async function measureClient(subject: Subject, server: ExperienceServer): Promise<ClientFigures> {
  const { name, file, carrier } = subject;
  const cut = await runCutTrial(subject, server);
  const resumption = toResumption(cut);
  const alone = hasOwnWay(file)
    ? toResumption(await runCutTrial(subject, server, { oneConnection: true, patienceMs: PATIENCE_ALONE_MS }))
    : resumption;
  const curl = await runCurlTrial(subject, server);
  const source = await measureSource(file);
  const tryProxies = async () => {
    const [plain, holding] = await Promise.all([
      runProxyTrial(subject, server, false),
      runProxyTrial(subject, server, true),
    ]);
    return { proxies: { plain, holding } };
  };
  return {
    name,
    file,
    source,
    resumption,
    ...(subject.isAllResuming === true ? {} : { alone }),
    isOrdered: cut.printed.every(
      (sequence, index) => index === 0 || sequence > (cut.printed[index - 1] ?? ""),
    ),
    ...(resumption === "complete" ? {} : { cut }),
    ...(carrier === "udp" ? {} : await tryProxies()),
    ...(curl === undefined ? {} : { curl }),
  };
}

/** Whether the file offers a reading without what it does itself to go on (`open` of `examples/clients/client.ts`). */
function hasOwnWay(file: string): boolean {
  const text = readFileSync(join(ROOT, "examples", "clients", `${file}.ts`), "utf8");
  return /^export const (open\b|\{[^}]*\bopen\b)/m.test(text);
}
