import type { ChannelName } from "../../core/channel-name.ts";
import type { AppendRequest, Channels, EncodedEvent, Receipt } from "../../core/ports.ts";

/** Channels that keep events in memory, and each `dedupeKey` once, as a real one does. Can be made to fail. */
export class MemoryChannels implements Pick<Channels, "append"> {
  readonly logs = new Map<string, EncodedEvent[]>();
  /** Called before every append; what it throws is what the append fails with. */
  onAppend: (channel: string, request: AppendRequest) => Promise<void> | void = () => {};

  async append(channel: ChannelName, request: AppendRequest): Promise<readonly Receipt[]> {
    await this.onAppend(channel, request);
    const log = this.logs.get(channel) ?? [];
    this.logs.set(channel, log);
    return request.events.map((event) => {
      const known = log.findIndex(
        ({ dedupeKey }) => dedupeKey !== undefined && dedupeKey === event.dedupeKey,
      );
      if (known === -1) log.push(event);
      return { sequence: String(known === -1 ? log.length : known + 1), duplicate: known !== -1 };
    });
  }

  /** The `data.id` of each event, in order. */
  idsIn(channel: string): readonly string[] {
    return (this.logs.get(channel) ?? []).map(
      ({ json }) => (JSON.parse(json) as { data: { id: string } }).data.id,
    );
  }
}
