/** What the work says, or the reason of `over` as soon as that is aborted, whatever the work does then. */
export function unlessOver<T>(over: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onOver = () => reject(over.reason as Error);
    if (over.aborted) onOver();
    else over.addEventListener('abort', onOver, { once: true });
    work.then(resolve, reject).finally(() => over.removeEventListener('abort', onOver));
  });
}
