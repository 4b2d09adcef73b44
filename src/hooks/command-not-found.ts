import type { Hook } from '@oclif/core';
import { tell } from '../tell.js';
import { unknownCommand } from '../mistakes.js';

/** oclif knows no such command: says so, and which one was probably meant. Never asks, so that a script cannot hang. */
const commandNotFound: Hook.CommandNotFound = ({ id, argv, config }) => {
  tell(unknownCommand(id, config), argv?.includes('--json') ?? false);
};

export default commandNotFound;
