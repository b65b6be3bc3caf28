/** What a request is answered with where it cannot be served: `{"error": "..."}` under a status. */
export class QstashProblem extends Error {
  override readonly name = "QstashProblem";
  readonly status: ProblemStatus;

  constructor(status: ProblemStatus, message: string) {
    super(message);
    this.status = status;
  }
}

export type ProblemStatus = 400 | 401 | 404 | 412 | 413 | 501;

export function badRequest(message: string): QstashProblem {
  return new QstashProblem(400, message);
}

export function notFound(message: string): QstashProblem {
  return new QstashProblem(404, message);
}

/** For what QStash has and this has not: said aloud, so that nobody takes silence for success. */
export function notServed(what: string): QstashProblem {
  return new QstashProblem(501, `the local stand-in for QStash does not serve ${what}`);
}
