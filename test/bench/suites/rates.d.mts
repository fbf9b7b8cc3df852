export interface RateSample {
  /** Messages a second. Absent when the sample failed. */
  rate?: number;
  /** CPU time of the main thread a message, ns. null where the system does not tell it for a thread. */
  mainNs?: number | null;
  /** Messages, with those of the warm-up. */
  total?: number;
  /** Empty when every message was accounted for. */
  problems: string[];
}
export interface RatePlan {
  library: string;
  cell: string;
  depth: number;
  size: number;
  seconds: number;
  warmUp: number;
}
export function takeRate(program: string, plan: RatePlan): Promise<RateSample>;
