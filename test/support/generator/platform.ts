import type { Envelope } from '../model.js';
import { CONTENT } from './content.js';
import { TYPES } from './message.js';
import { MONEY } from './money.js';
import { PEOPLE, signUp } from './people.js';
import type { Random } from './random.js';
import { TALK } from './talk.js';
import type { Action } from './world.js';
import { World } from './world.js';

const ACTIONS = { ...PEOPLE, ...CONTENT, ...MONEY, ...TALK };

/** So many sign up before anything else happens. */
const FOUNDERS = 8;

/**
 * The events of an imagined platform in the order in which they happened: strictly increasing timestamps, and nothing
 * before what it refers to. Each of the thirty types occurs early on.
 */
export function live(random: Random, options: { events: number; users: number; start: number }): Envelope[] {
  const world = new World(random, options.start);
  const founders = Math.max(2, Math.min(FOUNDERS, options.users));
  let joined = 0;
  const join = () => {
    signUp(world);
    joined++;
  };
  while (joined < founders) join();

  const happens = lottery();
  const firsts = TYPES.filter((type) => type in ACTIONS);
  while (world.events.length < options.events) {
    // Everybody has joined when half of the events have happened.
    const due = Math.min(options.users, founders + (options.users * 2 * world.events.length) / options.events);
    if (joined + 1 <= due) join();
    const first = firsts[0] === undefined ? undefined : ACTIONS[firsts[0]];
    // What cannot happen yet goes to the end of the line.
    if (first?.[1](world)) firsts.shift();
    else if (first) firsts.push(...firsts.splice(0, 1));
    happens(random)(world);
  }
  return world.events.slice(0, options.events);
}

/** Draws actions by their weight. */
function lottery(): (random: Random) => Action {
  const tickets = Object.values(ACTIONS);
  const total = tickets.reduce((sum, [weight]) => sum + weight, 0);
  return (random) => {
    let draw = random.unit() * total;
    const winner = tickets.find(([weight]) => (draw -= weight) < 0) ?? tickets[0];
    if (!winner) throw new Error('There are no actions');
    return winner[1];
  };
}
