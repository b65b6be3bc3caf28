import type { ChannelName } from "../core/channel-name.ts";
import type { Member, Presence } from "../core/ports.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";

/** Who is noted stays for so long; each process says every {@link REFRESH_MS} who is still there. */
const TTL_MS = 45_000;
const REFRESH_MS = 15_000;
/** Connections in one refresh. */
const REFRESH_BATCH = 500;
/** Above so many connections nobody's coming is announced anyway, and nobody is counted. */
const MAX_COUNTED = 1000;

/**
 * `who:<channel>` is a hash: `m <connection>` -> `ends joined anonymous id name` for a client's socket, `r <process>` ->
 * `ends count` for the streams of a process. What has ended is left out, and taken out by whoever looks.
 */
const LUA_WHO = `
local P = KEYS[1]
local call = redis.call
local function whoKey(c) return P .. ':who:' .. c end
local function put(c, field, value)
  call('HSET', whoKey(c), field, value)
  call('PEXPIRE', whoKey(c), ${TTL_MS * 2})
end
-- Those who are there, as field and value one after the other.
local function there(c, now)
  local rows, found = call('HGETALL', whoKey(c)), {}
  for n = 1, #rows, 2 do
    if tonumber(string.match(rows[n + 1], '^%d+')) > now then
      found[#found + 1] = rows[n]
      found[#found + 1] = rows[n + 1]
    else
      call('HDEL', whoKey(c), rows[n])
    end
  end
  return found
end
-- Connections of one member, and how many members there are.
local function count(c, now, id)
  local rows, own, members, all = there(c, now), 0, {}, 0
  for n = 2, #rows, 2 do
    local other = string.match(rows[n], '^%d+ %d+ %d (%S+) ')
    if other == id then own = own + 1 end
    if other and not members[other] then
      members[other] = true
      all = all + 1
    end
  end
  return {own, all}
end
`;

/** ARGV: channel, field, value, member's id, now. Answers connections of the member and members, now that it is in. */
const JOIN_SCRIPT = `${LUA_WHO}
put(ARGV[1], ARGV[2], ARGV[3])
if call('HLEN', whoKey(ARGV[1])) > ${MAX_COUNTED} then return {0, ${MAX_COUNTED}} end
return count(ARGV[1], tonumber(ARGV[5]), ARGV[4])
`;

/** ARGV: channel, field, member's id, now. Answers the same, now that it is out. */
const LEAVE_SCRIPT = `${LUA_WHO}
call('HDEL', whoKey(ARGV[1]), ARGV[2])
if call('HLEN', whoKey(ARGV[1])) > ${MAX_COUNTED} then return {1, ${MAX_COUNTED}} end
return count(ARGV[1], tonumber(ARGV[4]), ARGV[3])
`;

/** ARGV: channel, field, value ('' takes it out), again and again. */
const PUT_SCRIPT = `${LUA_WHO}
for at = 1, #ARGV, 3 do
  if ARGV[at + 2] == '' then call('HDEL', whoKey(ARGV[at]), ARGV[at + 1])
  else put(ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
end
return 1
`;

/** ARGV: channel, now. */
const LIST_SCRIPT = `${LUA_WHO}
return there(ARGV[1], tonumber(ARGV[2]))
`;

/** A client's own socket. */
export interface Connection {
  readonly id: string;
  readonly channel: ChannelName;
  readonly member: { readonly id: string; readonly name: string };
  readonly isAnonymous: boolean;
}

/** What joining or leaving changed. */
export interface Roll {
  /** Connections of the member. */
  readonly own: number;
  readonly members: number;
}

/**
 * Who is connected, over all processes. A process that dies without a word is there for {@link TTL_MS} more, and nobody
 * is told that its members left.
 */
export class RedisPresence {
  readonly #join: (...args: readonly string[]) => Promise<Reply>;
  readonly #leave: (...args: readonly string[]) => Promise<Reply>;
  readonly #put: (...args: readonly string[]) => Promise<Reply>;
  readonly #list: (...args: readonly string[]) => Promise<Reply>;
  readonly #process = crypto.randomUUID();
  readonly #connections = new Map<string, { readonly connection: Connection; readonly joinedMs: number }>();
  readonly #streams = new Map<ChannelName, number>();
  /** Channels whose number of streams is not told yet. */
  readonly #untold = new Set<ChannelName>();
  #telling: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(redis: RedisClient) {
    this.#join = redis.script(JOIN_SCRIPT);
    this.#leave = redis.script(LEAVE_SCRIPT);
    this.#put = redis.script(PUT_SCRIPT);
    this.#list = redis.script(LIST_SCRIPT);
  }

  async join(connection: Connection): Promise<Roll> {
    const nowMs = Date.now();
    this.#connections.set(connection.id, { connection, joinedMs: nowMs });
    this.#keepTelling();
    return toRoll(
      await this.#join(
        connection.channel,
        fieldOf(connection),
        toValue(connection, nowMs, nowMs),
        encodeURIComponent(connection.member.id.toWellFormed()),
        String(nowMs),
      ),
    );
  }

  async leave(connection: Connection): Promise<Roll> {
    this.#connections.delete(connection.id);
    this.#stopTelling();
    const { channel, member } = connection;
    return toRoll(
      await this.#leave(
        channel,
        fieldOf(connection),
        encodeURIComponent(member.id.toWellFormed()),
        String(Date.now()),
      ),
    );
  }

  /** A stream of this process begins (1) or ends (-1) to follow a channel. Nobody waits until that is known. */
  countStream(channel: ChannelName, change: 1 | -1): void {
    const count = (this.#streams.get(channel) ?? 0) + change;
    if (count > 0) this.#streams.set(channel, count);
    else this.#streams.delete(channel);
    this.#keepTelling();
    this.#stopTelling();
    this.#untold.add(channel);
    this.#telling ??= this.#tellStreams();
  }

  async list(channel: ChannelName): Promise<Presence> {
    // What this process has not told yet counts too.
    await this.#telling;
    const rows = toList(await this.#list(channel, String(Date.now())));
    const members = new Map<string, Member & { readonly joinedMs: number }>();
    let readers = 0;
    for (let at = 0; at < rows.length; at += 2) {
      const value = toText(rows[at + 1]);
      if (toText(rows[at]).startsWith("r ")) {
        readers += Number(value.split(" ")[1]);
        continue;
      }
      readers += 1;
      const [, joined, , id = "", name = ""] = value.split(" ").map(decodeURIComponent);
      const known = members.get(id);
      const joinedMs = Math.min(Number(joined), known?.joinedMs ?? Number.POSITIVE_INFINITY);
      members.set(id, { id, name, connections: (known?.connections ?? 0) + 1, joinedMs });
    }
    return {
      members: [...members.values()]
        .sort((a, b) => a.joinedMs - b.joinedMs)
        .map(({ id, name, connections }) => ({ id, name, connections })),
      readers,
    };
  }

  #keepTelling(): void {
    this.#timer ??= setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  #stopTelling(): void {
    if (this.#connections.size > 0 || this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tellStreams(): Promise<void> {
    // One turn later, so that those who come together are told together.
    await Promise.resolve();
    while (this.#untold.size > 0) {
      const channels = [...this.#untold].slice(0, REFRESH_BATCH);
      for (const channel of channels) this.#untold.delete(channel);
      await this.#tell(channels.flatMap((channel) => this.#streamsOf(channel)));
    }
    this.#telling = undefined;
  }

  #streamsOf(channel: ChannelName): readonly string[] {
    const count = this.#streams.get(channel) ?? 0;
    return [channel, `r ${this.#process}`, count === 0 ? "" : `${Date.now() + TTL_MS} ${count}`];
  }

  async #refresh(): Promise<void> {
    const nowMs = Date.now();
    const all = [...this.#streams.keys()].map((channel) => this.#streamsOf(channel));
    for (const { connection, joinedMs } of this.#connections.values()) {
      all.push([connection.channel, fieldOf(connection), toValue(connection, joinedMs, nowMs)]);
    }
    for (let at = 0; at < all.length; at += REFRESH_BATCH) {
      await this.#tell(all.slice(at, at + REFRESH_BATCH).flat());
    }
  }

  /** Where it fails it is told again by the next refresh; the client has logged why. */
  async #tell(args: readonly string[]): Promise<void> {
    await this.#put(...args).catch(() => undefined);
  }
}

function fieldOf({ id }: Connection): string {
  return `m ${id}`;
}

/** Escaped, so that a space is between the parts and never in them. */
function toValue({ member, isAnonymous }: Connection, joinedMs: number, nowMs: number): string {
  const { id, name } = member;
  return `${nowMs + TTL_MS} ${joinedMs} ${isAnonymous ? 1 : 0} ${encodeURIComponent(id.toWellFormed())} ${encodeURIComponent(name.toWellFormed())}`;
}

function toRoll(reply: Reply): Roll {
  const [own, members] = toList(reply);
  return { own: Number(own), members: Number(members) };
}
