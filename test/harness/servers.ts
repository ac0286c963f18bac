/** Servers in a namespace that say who asked them, and clients that ask. */
import type { Namespace } from "./namespace.ts";

export type Protocol = "tcp" | "udp";

/** Answers with its name and the address that it was asked from. */
const server = `
  const [name, ...services] = process.argv.slice(1);
  const answer = (address) => name + " " + address.replace(/^::ffff:/, "") + "\\n";
  let pending = services.length;
  const ready = () => --pending === 0 && console.log("ready");
  for (const service of services) {
    const [protocol, port] = service.split("/");
    if (protocol === "tcp") {
      require("net").createServer((client) => {
        client.on("error", () => {});
        client.end(answer(client.remoteAddress ?? ""));
      }).listen(Number(port), "::", ready);
    } else {
      const socket = require("dgram").createSocket("udp6");
      socket.on("message", (_, from) => socket.send(answer(from.address), from.port, from.address));
      socket.bind(Number(port), ready);
    }
  }
`;

/**
 * Starts servers; they end with the sandbox.
 * @param name what they answer with
 * @param services `tcp/80`, `udp/53`
 */
export async function serve(
  namespace: Namespace,
  name: string,
  ...services: `${Protocol}/${number}`[]
): Promise<void> {
  const child = namespace.start([process.execPath, "-e", server, name, ...services]);
  let errors = "";
  child.stderr?.on("data", (text) => {
    errors += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("close", () => reject(new Error(`Cannot serve ${services.join()}: ${errors}`)));
  });
}

/** Sends a line to a port and returns the line that comes back; undefined if none does. */
export function ask(
  namespace: Namespace,
  protocol: Protocol,
  address: string,
  port: number,
): string | undefined {
  const script =
    'exec 3<>"/dev/$0/$1/$2" || exit 1; [ $0 = udp ] && echo hello >&3; dd bs=1500 count=1 <&3';
  const asked = ["timeout", "2", "bash", "-c", script, protocol, address, String(port)];
  return namespace.run(asked).stdout.trim() || undefined;
}

/** As a client that goes on asking from one port; the kernel takes it for one connection. */
export function askFrom(
  namespace: Namespace,
  sourcePort: number,
  address: string,
  port: number,
): string | undefined {
  const script = `
    const [from, address, port] = process.argv.slice(1);
    const socket = require("dgram").createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (text) => { console.log(String(text)); process.exit(); });
    socket.on("error", () => process.exit(1));
    socket.bind(Number(from), () => socket.send("hello\\n", Number(port), address));
    setTimeout(() => process.exit(1), 1000);
  `;
  const asked = [process.execPath, "-e", script, String(sourcePort), address, String(port)];
  return namespace.run(asked).stdout.trim() || undefined;
}
