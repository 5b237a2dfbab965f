/** A state of an item, and who is given it. */
export interface StateFor {
  /** Names the item. */
  readonly stateOf: string;
  readonly users: readonly string[];
}

/** Of states in their order those that are the last of their item for somebody, each with whom it is that for. */
export function lastStates<State extends StateFor>(states: readonly State[]): { state: State; users: string[] }[] {
  const seen = new Set<string>();
  const last: { state: State; users: string[] }[] = [];
  for (const state of states.toReversed()) {
    const idOf = (user: string): string => `${user} ${state.stateOf}`;
    const users = state.users.filter((user) => !seen.has(idOf(user)));
    for (const user of users) seen.add(idOf(user));
    if (users.length > 0) last.push({ state, users });
  }
  return last.reverse();
}
