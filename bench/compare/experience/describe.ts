import type { Chart, Telling } from "../chapter.ts";
import type { Resumption } from "./cut-trial.ts";
import type { ClientFigures, ExperienceFigures } from "./figures.ts";

const COMPLETE: Resumption = "complete";

/** Says what the figures say. */
export function describeExperience({ clients }: ExperienceFigures): Telling {
  return {
    findings: toFindings(clients),
    parts: [
      {
        title: "The smallest correct client of each protocol",
        paragraphs: [
          "Each client is a file in `examples/clients/` that publishes one event, reads a channel from a cursor, and survives a cut connection without a gap or a repeat, with the library that users of that protocol would take, or with none. Lines are those of code, with what the file imports from beside it. Packages are those that it names, then all that have to be installed; the browser's bytes are the file with all of it, bundled, minified and gzipped.",
          "Each was run against the server through a relay that was cut once, with events published before, meanwhile and after. *After a cut* says who went on: **by itself** is the protocol or its library, tried without what the file does about it; **with code** is the file's own code. For what runs on UDP a cut is a while in which every datagram is lost: a QUIC connection lives through that, and what is seen of WebTransport is QUIC's doing; a connection that ends is noticed after its idle timeout of 30 s, which was not waited for.",
        ],
        tables: [
          {
            caption: "Source and size",
            columns: [
              "client",
              "lines",
              "packages",
              "with theirs",
              "installed, KiB",
              "in a browser, gzip KiB",
            ],
            rows: clients.map(({ name, source }) => [
              name,
              source.lines,
              source.packages.join(", ") || "none",
              source.allPackages,
              Math.round(source.installedKib),
              typeof source.browserBytes === "number" ? source.browserBytes / 1024 : source.browserBytes,
            ]),
          },
          {
            caption: "What it stands",
            columns: [
              "client",
              "after a cut",
              "plain HTTP/1.1 proxy",
              "proxy that holds answers back",
              "curl",
            ],
            rows: clients.map((client) => [
              client.name,
              describeCut(client),
              toYesNo(client.proxies?.plain),
              toYesNo(client.proxies?.holding),
              describeCurl(client),
            ]),
          },
        ],
        charts: toCharts(clients),
      },
      {
        title: "From curl",
        paragraphs: [
          "A command counts where it showed an event of the channel. Where there is none, the wire has binary frames or calls that nobody types.",
          ...clients.flatMap(({ name, curl }) =>
            curl?.isShown === true ? [`${name}: \`${curl.command}\``] : [],
          ),
        ],
        tables: [],
        charts: [],
      },
    ],
  };
}

function toFindings(clients: readonly ClientFigures[]): readonly string[] {
  const findings: string[] = [];
  const byLines = clients.toSorted((a, b) => a.source.lines - b.source.lines);
  const [shortest] = byLines;
  const longest = byLines.at(-1);
  if (shortest !== undefined && longest !== undefined && shortest !== longest)
    findings.push(
      `The shortest correct client is that of ${shortest.name} with ${shortest.source.lines} lines, the longest that of ${longest.name} with ${longest.source.lines}.`,
    );
  const alone = clients.filter((client) => client.alone === COMPLETE);
  findings.push(
    alone.length === 0
      ? "No client goes on by itself after a cut."
      : `${toList(alone)} ${alone.length === 1 ? "goes" : "go"} on after a cut with no gap and no repeat without code for it: ${alone.length} of ${clients.length}.`,
  );
  const inBrowser = clients.flatMap(({ name, source: { browserBytes } }) =>
    typeof browserBytes === "number" ? [{ name, browserBytes }] : [],
  );
  const largest = inBrowser.toSorted((a, b) => b.browserBytes - a.browserBytes)[0];
  if (largest !== undefined)
    findings.push(
      `In a browser the largest client is that of ${largest.name} with ${(largest.browserBytes / 1024).toFixed(1)} KiB gzipped; ${inBrowser.filter(({ browserBytes }) => browserBytes < 1024).length} of ${inBrowser.length} are below 1 KiB.`,
    );
  const through = clients.filter(({ proxies }) => proxies?.plain === true && proxies.holding);
  if (through.length > 0)
    findings.push(`Through a proxy that holds answers back, what still works is ${toList(through)}.`);
  const broken = clients.filter(({ resumption }) => resumption !== COMPLETE);
  if (broken.length > 0)
    findings.push(
      `Not correct in this run: ${broken.map(({ name, resumption }) => `${name} (${resumption})`).join(", ")}.`,
    );
  return findings;
}

function toList(clients: readonly ClientFigures[]): string {
  const names = clients.map(({ name }) => name);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function describeCut({ resumption, alone, isOrdered }: ClientFigures): string {
  if (resumption !== COMPLETE) return `fails: it ${resumption}`;
  const order = isOrdered ? "" : "; order is lost";
  if (alone === COMPLETE) return `by itself${order}`;
  return `with code${alone === undefined ? "" : `; alone it ${alone}`}${order}`;
}

function describeCurl({ curl }: ClientFigures): string {
  if (curl === undefined) return "no command";
  return curl.isShown ? "yes" : `no: ${curl.complaint || "it shows nothing"}`;
}

function toYesNo(value: boolean | undefined): string {
  return value === undefined ? "not TCP" : value ? "yes" : "no";
}

function toCharts(clients: readonly ClientFigures[]): readonly Chart[] {
  const inBrowser = clients.flatMap(({ name, source: { browserBytes } }) =>
    typeof browserBytes === "number" ? [{ label: name, value: browserBytes / 1024 }] : [],
  );
  return [
    {
      name: "experience-lines",
      title: "Lines of the smallest correct client",
      unit: "lines",
      scale: "linear",
      isLowerBetter: true,
      groups: [
        { label: "", bars: clients.map(({ name, source }) => ({ label: name, value: source.lines })) },
      ],
    },
    {
      name: "experience-browser-bytes",
      title: "What a page loads for it, gzipped",
      unit: "KiB",
      scale: "log",
      isLowerBetter: true,
      groups: [{ label: "", bars: inBrowser }],
    },
  ];
}
