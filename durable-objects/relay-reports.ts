import type { MemberChange, RelayMember, RelayReport } from "./relay-object.ts";

/** How long a relay waits before it tells again what it could not tell; after that the channel asks with its next event. */
const RETRIES_MS = [100, 1000, 5000];

/** What reports need of their relay. */
interface ReportHost {
  readonly readers: number;
  readonly members: readonly RelayMember[];
  send(report: RelayReport): Promise<void>;
}

/** What a relay tells its channel of its readers. */
export class RelayReports {
  readonly #host: ReportHost;
  readonly #born: number;
  #version = 0;
  /** Whether the channel could not be told of a member that came or left. */
  #hasLost = false;
  #isUntold = false;
  #telling: Promise<void> | undefined;

  /** @param born when the object began whose sockets these are */
  constructor(host: ReportHost, born: number) {
    this.#host = host;
    this.#born = born;
  }

  get born(): number {
    return this.#born;
  }

  /** How it is now. @param isWhole whether all members are told */
  next(change?: MemberChange, isWhole = this.#hasLost): RelayReport {
    // By the clock, so that they go on increasing when the object was made anew.
    this.#version = Math.max(this.#version + 1, Date.now() * 1000);
    const { readers, members } = this.#host;
    const report = { version: this.#version, born: this.#born, readers };
    return isWhole ? { ...report, members } : { ...report, change };
  }

  /** Answers the channel. Where the answer is lost it doubts what it knows, and asks for all members again. */
  answer(asksMembers: boolean): RelayReport {
    const report = this.next(undefined, asksMembers || this.#hasLost);
    if (report.members !== undefined) this.#hasLost = false;
    return report;
  }

  /** Tells of a member at once, since what it does next must not come first. */
  async tellOf(change: MemberChange): Promise<void> {
    try {
      await this.#host.send(this.next(change));
    } catch {
      this.#hasLost = true;
      await this.tell();
    }
  }

  /** Tells how many there are, in one call at a time. Resolves when the channel was told, or could not be. */
  tell(): Promise<void> {
    this.#isUntold = true;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#isUntold) {
      this.#isUntold = false;
      for (const waitMs of [...RETRIES_MS, undefined]) {
        try {
          const report = this.next();
          await this.#host.send(report);
          if (report.members !== undefined) this.#hasLost = false;
          break;
        } catch (thrown) {
          if (waitMs === undefined) console.warn("A channel was not told of a relay's readers.", thrown);
          else await scheduler.wait(waitMs);
        }
      }
    }
  }
}
