/**
 * Which server of a Redis Cluster owns which channel.
 *
 * @module
 */

/** The number of slots in a cluster. */
const SLOTS = 16_384;

/** The servers of a cluster, and the slots of each. */
export class Topology {
  /** The servers, each as `host:port`. */
  readonly addresses: readonly string[];
  readonly #owners: Uint16Array;

  private constructor(addresses: readonly string[], owners: Uint16Array) {
    this.addresses = addresses;
    this.#owners = owners;
  }

  /** Returns a topology of one server. */
  static single(address: string): Topology {
    return new Topology([address], new Uint16Array(SLOTS));
  }

  /**
   * Parses the reply to CLUSTER SLOTS: `[first, last, [host, port, …], …replicas]` each.
   *
   * @param answer The reply
   * @param host The server that replied: a server that does not know its own name sends an empty one
   * @returns The topology, `undefined` if a slot has no server
   */
  static parse(answer: unknown, host: string): Topology | undefined {
    if (!Array.isArray(answer)) return undefined;
    const addresses: string[] = [];
    const owners = new Uint16Array(SLOTS).fill(SLOTS);
    for (const range of answer) {
      const [first, last, master] = Array.isArray(range) ? range : [];
      if (!Array.isArray(master)) return undefined;
      const name = master[0] ? String(master[0]) : host;
      const address = `${name.includes(":") ? `[${name}]` : name}:${master[1]}`;
      let at = addresses.indexOf(address);
      if (at < 0) at = addresses.push(address) - 1;
      owners.fill(at, Number(first), Number(last) + 1);
    }
    return owners.includes(SLOTS) ? undefined : new Topology(addresses, owners);
  }

  /** Returns the server of a channel. */
  addressOf(channel: string): string {
    return this.addresses[this.#owners[slotOf(channel)] ?? 0] ?? ""; // each slot has one
  }

  /** Tells whether another topology maps each slot to the same server. */
  equals(other: Topology): boolean {
    return this.#owners.every((at, slot) =>
      this.addresses[at] === other.addresses[other.#owners[slot] ?? 0]
    );
  }

  /** Finds a channel on a server whose name starts with `start`. */
  channelOn(address: string, start: string): string {
    for (let at = 0;; at++) {
      if (this.addressOf(start + at) === address) return start + at;
    }
  }
}

/** Returns the slot of a channel: CRC16 (XMODEM) of its name, or of the first part in braces that is not empty. */
export function slotOf(channel: string): number {
  const open = channel.indexOf("{");
  const end = open < 0 ? -1 : channel.indexOf("}", open + 1);
  const part = end > open + 1 ? channel.slice(open + 1, end) : channel;
  let crc = 0;
  for (const byte of new TextEncoder().encode(part)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
  }
  return crc % SLOTS;
}
