/** One stretch of load on one side. */
export interface Sample {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
}
