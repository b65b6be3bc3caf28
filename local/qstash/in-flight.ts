import type { Message } from "./message.ts";

/** The deliveries that are under way now: as many of them go to each host, and count for each flow control key. */
export class InFlight {
  readonly #ids = new Set<string>();
  readonly #hosts = new Map<string, number>();
  readonly #flowKeys = new Map<string, number>();

  get size(): number {
    return this.#ids.size;
  }

  add(message: Message): void {
    this.#ids.add(message.id);
    this.#count(message, 1);
  }

  remove(message: Message): void {
    if (this.#ids.delete(message.id)) this.#count(message, -1);
  }

  countForKey(flowKey: string): number {
    return this.#flowKeys.get(flowKey) ?? 0;
  }

  countForHost(url: string): number {
    return this.#hosts.get(new URL(url).host) ?? 0;
  }

  hostsFrom(count: number): string[] {
    return Array.from(this.#hosts)
      .filter(([, active]) => active >= count)
      .map(([host]) => host);
  }

  #count({ spec }: Message, step: 1 | -1): void {
    add(this.#hosts, new URL(spec.url).host, step);
    if (spec.flowControl !== undefined) add(this.#flowKeys, spec.flowControl.key, step);
  }
}

function add(counts: Map<string, number>, name: string, step: number): void {
  const count = (counts.get(name) ?? 0) + step;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
