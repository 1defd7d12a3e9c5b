// What all that asks for something shares: failures, the form of hints, and which answers count.

export class Failure extends Error {
  constructor(message, { gone = null, status = 0 } = {}) {
    super(message);
    this.gone = gone; // the kind of thing that the server no longer has
    this.status = status;
  }
}

// A hint in the form of the command's hint files.
export const describeHint = ({ kind, points, color }) =>
  kind === "point" ? { x: points[0][0], y: points[0][1], color } : { [kind]: points, color };

// Run `work` with the newest arguments, once at a time: what came between is never asked for, so
// that dragging feels live however long an answer takes.
export function keepNewest(work) {
  let running = false;
  let next = null;
  return async (...given) => {
    next = given;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now);
      }
    } finally {
      running = false;
    }
  };
}
