import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that can go silent, slow down and break. */
export class TcpProxy {
  /** How many connections were taken. */
  taken = 0;
  /** How long what the server says is under way. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #near = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #hung = false;
  #muted = false;
  #late: (() => void)[] | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts one to a port of this machine. */
  static async start(target: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on("connection", (near) => proxy.#take(near, target));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (!address || typeof address === "string") throw new Error("It ended");
    return `redis://127.0.0.1:${address.port}`;
  }

  /** Carries nothing more, in either direction; connections stay, and new ones are taken. */
  hang(): void {
    this.#hung = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Carries on with what was held back. */
  resume(): void {
    this.#hung = false;
    for (const socket of this.#sockets) socket.resume();
    for (const act of this.#held.splice(0)) act();
  }

  /** From now on what the server says is lost; what it is told is not. */
  mute(): void {
    this.#muted = true;
  }

  /** Breaks all connections there are, and mutes no more. */
  unmute(): void {
    this.#muted = false;
    this.cut();
  }

  /** From now on what the server is told stays on its way, also when the connection that told it breaks. */
  delay(): void {
    this.#late = [];
  }

  /** Breaks the connections whose words are on their way, for those who told them. Others are whole from now on. */
  abandon(): () => void {
    const late = this.#late ?? [];
    this.#late = undefined;
    for (const near of this.#near) near.destroy();
    return () => {
      for (const tell of late) tell();
    };
  }

  /** Breaks all connections there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async end(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(near: Socket, target: number): void {
    this.taken++;
    this.#near.add(near);
    near.on("close", () => this.#near.delete(near));
    const far = connect(target, "127.0.0.1");
    this.#pipe(near, far, () => 0, true);
    this.#pipe(far, near, () => this.delayMs, false);
  }

  #pipe(from: Socket, to: Socket, delay: () => number, told: boolean): void {
    let held = false;
    this.#sockets.add(from);
    from.setNoDelay(true);
    if (this.#hung) from.pause();
    from.on("data", (chunk) => {
      const write = () => void to.write(chunk);
      if (told && this.#late) {
        held = true;
        this.#late.push(write);
        return;
      }
      if (!told && this.#muted) return;
      if (delay() > 0) setTimeout(write, delay());
      else write();
    });
    from.on("error", () => {}); // "close" follows
    from.on("close", () => {
      this.#sockets.delete(from);
      if (held) return; // what it told is still on its way
      if (this.#hung) this.#held.push(() => to.destroy());
      else to.destroy();
    });
  }
}
