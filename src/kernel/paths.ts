/** Paths as text: nothing is looked up but the directory that they start from. */
import { sys } from "../sys/sys.ts";

/**
 * The absolute form of a path, without `.`, `..` and empty parts. Links are not followed.
 * @param pwd the shell's name of the working directory; it counts where it is right
 */
export function absolutePath(path: string, pwd = ""): string {
  const whole = path.startsWith("/") ? path : `${workingDirectory(pwd)}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** As Go's os.Getwd: with the links by which the shell got there. */
function workingDirectory(pwd: string): string {
  if (pwd.startsWith("/")) {
    try {
      const named = sys.stat(pwd);
      const here = sys.stat(".");
      if (named.dev === here.dev && named.ino === here.ino) return pwd;
    } catch {
      // It is gone: the kernel knows better.
    }
  }
  return sys.readlink("/proc/self/cwd");
}

/** The directory of the program that runs. */
export function executableDirectory(): string {
  return sys.executable().replace(/\/[^/]*$/, "") || "/";
}
