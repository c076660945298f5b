// Waiting with a limit: every wait of the suite ends, and says what it waited for.

/** Generous, because the machine may be busy: a passing test never waits this long. */
export const DEADLINE_MS = 10_000;

export function withDeadline(promise, what, deadlineMs = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Gave up after ${deadlineMs} ms waiting for ${typeof what === "function" ? what() : what}.`)), deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks until the answer is truthy; for facts that only a question can show. */
export async function until(question, what, deadlineMs = DEADLINE_MS) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`Gave up after ${deadlineMs} ms waiting for ${typeof what === "function" ? what() : what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Lets at least this much time pass; only for facts that are about elapsed time. */
export function elapse(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
