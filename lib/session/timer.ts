/** One timer at a time. Like an open socket it keeps the process alive, unless unref() was called. */
export class Timer {
  #timer: NodeJS.Timeout | undefined = undefined;
  #referenced = true;

  /** Instead of the one before. */
  set(callback: () => void, delay: number): void {
    this.clear();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      callback();
    }, delay);
    if (!this.#referenced) this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  ref(): void {
    this.#referenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#timer?.unref();
  }
}
