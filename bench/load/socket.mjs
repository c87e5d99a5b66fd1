// One raw TCP WebSocket: enough of RFC 6455 to upgrade and to write small text frames. Nothing that comes is decoded.
import net from "node:net";

/** How each kind of server is spoken to. `greeting`: what to answer until it is open. */
export const dialects = {
  superline: {
    path: "/",
    protocol: "superline.v1",
    opens: '["hi"',
    request: (id, input) => `["req",${id},"echo",${input}]`,
  },
  plain: {
    path: "/",
    protocol: "superline.v1",
    opens: "HTTP/1.1 101",
    request: (id, input) => `["req",${id},"echo",${input}]`,
  },
  object: {
    path: "/bare",
    protocol: "superline.v1",
    opens: "HTTP/1.1 101",
    request: (id, input) => `["req",${id},"echo",${input}]`,
  },
  party: {
    path: "/parties/party/r",
    opens: "HTTP/1.1 101",
    request: (id, input) => `["req",${id},"echo",${input}]`,
  },
  socketio: {
    path: "/socket.io/?EIO=4&transport=websocket",
    greeting: ['0{"sid"', "40"],
    opens: '40{"sid"',
    request: (id, input) => `42${id}["echo",${input}]`,
  },
  trpc: {
    path: "/",
    opens: "HTTP/1.1 101",
    request: (id, input) =>
      `{"id":${id},"jsonrpc":"2.0","method":"query","params":{"path":"echo","input":${input}}}`,
  },
  orpc: {
    path: "/",
    opens: "HTTP/1.1 101",
    request: (id, input) =>
      `{"i":"${id}","p":{"u":"/echo","b":{"json":${input}}}}`,
  },
};

/** Connects, upgrades, and resolves to the socket when the server has said that it is open. */
export function dial(port, name) {
  const dialect = dialects[name];
  const [question, answer] = dialect.greeting ?? [];
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      const head = [
        `GET ${dialect.path} HTTP/1.1`,
        `Host: localhost:${port}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
      ];
      if (dialect.protocol) {
        head.push(`Sec-WebSocket-Protocol: ${dialect.protocol}`);
      }
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
    });
    let seen = "";
    let greeted = false;
    const listen = (data) => {
      seen += data.toString("latin1");
      if (!greeted && question && seen.includes(question)) {
        greeted = true;
        socket.write(textFrame(answer));
      }
      if (!seen.includes(dialect.opens)) return;
      socket.off("data", listen);
      resolve(socket);
    };
    socket.on("data", listen);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`refused: ${seen}`)));
  });
}

/** Connects many, in waves. */
export async function dialAll(port, name, count, each = () => {}) {
  const sockets = [];
  while (sockets.length < count) {
    const wave = Math.min(100, count - sockets.length);
    const dials = Array.from({ length: wave }, () => dial(port, name));
    for (const socket of await Promise.all(dials)) {
      socket.on("error", () => {}); // the server ends first
      each(socket);
      sockets.push(socket);
    }
  }
  return sockets;
}

/** A text frame of a client's. The mask is zero, so that masking costs neither side's load anything. */
export function textFrame(text) {
  const payload = Buffer.from(text);
  const long = payload.length > 125;
  const frame = Buffer.alloc((long ? 8 : 6) + payload.length);
  frame[0] = 0x81;
  frame[1] = 0x80 | (long ? 126 : payload.length);
  if (long) frame.writeUInt16BE(payload.length, 2);
  payload.copy(frame, long ? 8 : 6);
  return frame;
}
