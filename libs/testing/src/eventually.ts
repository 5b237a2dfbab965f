const WITHIN_MS = 10_000;
const AGAIN_MS = 5;

/** Waits until a check passes; throws what it threw last when it does not within `timeoutMs`. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = WITHIN_MS): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
