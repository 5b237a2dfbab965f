/** A pure aggregate: what may happen (`decide`) and what follows from what happened (`evolve`). */
export interface Decider<State, Command, Event> {
  readonly initial: State;
  /** The events that the command causes in this state; throws a DomainError when it is refused. */
  decide(state: State, command: Command): readonly Event[];
  evolve(state: State, event: Event): State;
}
