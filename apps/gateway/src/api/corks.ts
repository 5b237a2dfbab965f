interface Corked {
  flush(): void;
}

/** What links have to say leaves once per turn of the event loop, in one write per link. */
export class Corks {
  private waiting: Corked[] = [];

  add(link: Corked): void {
    if (this.waiting.push(link) === 1) setImmediate(() => this.flush());
  }

  private flush(): void {
    const links = this.waiting;
    this.waiting = [];
    for (const link of links) link.flush();
  }
}
