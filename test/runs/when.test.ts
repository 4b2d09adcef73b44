import { expect } from 'chai';
import { EXIT, UserError } from '../../src/errors.js';
import { parseWhen } from '../../src/runs/when.js';

const NOW = Date.UTC(2024, 4, 10, 12);

function refused(text: string): UserError {
  try {
    parseWhen(text, NOW);
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error(`${text} was taken`);
}

describe('a time as people type it', () => {
  const times: Record<string, string> = {
    '90s': '2024-05-10T11:58:30.000Z',
    '30m': '2024-05-10T11:30:00.000Z',
    '2h': '2024-05-10T10:00:00.000Z',
    '7d': '2024-05-03T12:00:00.000Z',
    '1w': '2024-05-03T12:00:00.000Z',
    '0s': '2024-05-10T12:00:00.000Z',
    '2024-05-01': '2024-05-01T00:00:00.000Z',
    '2024-02-29': '2024-02-29T00:00:00.000Z',
    '2024-05-01T10:00Z': '2024-05-01T10:00:00.000Z',
    '2024-05-01t10:00:30z': '2024-05-01T10:00:30.000Z',
    '2024-05-01T10:00:30.123456Z': '2024-05-01T10:00:30.123Z',
    '2024-05-01T10:00:00+02:00': '2024-05-01T08:00:00.000Z',
  };
  for (const [text, time] of Object.entries(times)) {
    it(`reads ${text}`, () => {
      expect(new Date(parseWhen(text, NOW)).toISOString()).to.equal(time);
    });
  }

  const wrong = ['', 'yesterday', '2', 'h', '2 h', '-2h', '1.5h', '2024-02-30', '2023-02-29', '2024-13-01', '2024-5-1'];
  for (const text of [...wrong, '2024-05-01T25:00Z', '2024-05-01 10:00', '9999999w', '1714557600']) {
    it(`refuses "${text}"`, () => {
      const { message, status } = refused(text);
      expect(message).to.contain(`"${text}" is no time`).and.to.contain('such as');
      expect(status).to.equal(EXIT.usage);
    });
  }

  it('asks for the zone that a time of day lacks', () => {
    expect(refused('2024-05-01T10:00').message).to.contain('no zone').and.to.contain('2024-05-01T10:00Z');
  });

  it('refuses what is still to come', () => {
    expect(refused('2024-05-10T12:00:01Z').message).to.contain('still to come').and.to.contain('2024-05-10T12:00:00');
    expect(refused('2024-05-10T12:00:00-01:00').status).to.equal(EXIT.usage);
  });
});
