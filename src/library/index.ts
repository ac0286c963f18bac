/**
 * CNI for programs: the operations of libcni as promises, configs, results. What is below them, links
 * and addresses and rules of network namespaces, is in `cnibox/netns`.
 *
 * @module
 */
export { CniError, type CniErrorName, errorCodes } from "../cni/errors.ts";
export { PluginCrash } from "../cni/plugin-process.ts";
export type { VersionInfo } from "../cni/versions.ts";
export type { JsonObject, JsonValue } from "../json/types.ts";
export {
  CacheError,
  CheckNotSupportedError,
  ConfigError,
  cniErrorOf,
  NoConfigsFoundError,
  NotFoundError,
  PluginFailedError,
  SeveralErrors,
} from "../libcni/errors.ts";
export type { TraceContext } from "../libcni/trace-context.ts";
export { GcError } from "../libcni/upkeep.ts";
export {
  type AddOptions,
  type Attachment,
  type CachedAttachment,
  type CallOptions,
  Cni,
  type CniOptions,
} from "./cni.ts";
export {
  type LoadedFile,
  loadNetwork,
  loadNetworks,
  type Network,
  type PluginConfig,
  parseNetwork,
} from "./networks.ts";
export type { StderrListener } from "./process.ts";
export {
  type AnyResult,
  convertResult,
  currentVersion,
  type Dns,
  type Interface,
  type IpConfig,
  type IpConfig020,
  type IpConfig040,
  type Result,
  type Result020,
  type Result040,
  type ResultOf,
  type Route,
  type Version,
  versions,
} from "./results.ts";
export { type Problem, validateConfig } from "./validate.ts";
