import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";

/**
 * The files that take longest, longest first. A fresh clone knows no durations and would go by size, and a small file
 * with a long suite in it, started last, keeps every other worker waiting.
 */
const LONG_FILES = [
  "conformance/init",
  "conformance/durable-streams-suite",
  "conformance/deploy",
  "conformance/deno-doors",
  "conformance/compare",
  "conformance/command",
  "conformance/containers",
  "conformance/compare-peers",
  "recovery/kill",
  "recovery/qstash",
  "recovery/orders",
  "recovery/amqp",
  "recovery/gateway",
].map((name) => `/tests/${name}.test.ts`);

/** Sorts as Vitest does, but for the longest files, which begin their project. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const places = new Map(sorted.map(({ project }) => project.name).map((name, place) => [name, place]));
    const placeOf = ({ project }: TestSpecification) => places.get(project.name) ?? 0;
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b) || rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG_FILES.findIndex((name) => moduleId.endsWith(name));
  return rank === -1 ? LONG_FILES.length : rank;
}
