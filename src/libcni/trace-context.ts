/**
 * Tracing: the caller's span goes to plugins as environment variables.
 *
 * W3C Trace Context and Baggage, in the names of OpenTelemetry's "environment variables as context
 * propagation carriers". Reference: pkg/invoke/raw_exec.go. Differs on purpose: the other variables
 * are never left out.
 */

/** The values of the three headers. */
export interface TraceContext {
  /** `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`. */
  traceparent: string;
  tracestate?: string | undefined;
  baggage?: string | undefined;
}

/** The variables; none where the context is not valid, so that what is inherited stays. */
export function traceVariables(context: TraceContext): Record<string, string> {
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(context.traceparent);
  const [, trace = "", span = "", flags = ""] = parts ?? [];
  if (!/[^0]/.test(trace) || !/[^0]/.test(span)) return {};
  // Of the flags only "sampled" has a meaning that a plugin could share.
  const sampled = Number.parseInt(flags, 16) & 1;
  const variables: Record<string, string> = { TRACEPARENT: `00-${trace}-${span}-0${sampled}` };
  if (context.tracestate) variables.TRACESTATE = context.tracestate;
  if (context.baggage) variables.BAGGAGE = context.baggage;
  return variables;
}
